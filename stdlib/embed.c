// Puts the text of every library file into the binary.
#include "nnstdlib.h"

// The package is built as C17, where clang takes #embed as an extension.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const char init_text[] = {
#embed "init.nn"
};
static const char nn_text[] = {
#embed "nn.nn"
};
static const char norm_text[] = {
#embed "norm.nn"
};
static const char sequence_text[] = {
#embed "sequence.nn"
};
static const char images_text[] = {
#embed "images.nn"
};
static const char optim_text[] = {
#embed "optim.nn"
};
static const char data_text[] = {
#embed "data.nn"
};
static const char derivatives_text[] = {
#embed "derivatives.nn"
};
static const char digits_text[] = {
#embed "digits.nn"
};
static const char linalg_text[] = {
#embed "linalg.nn"
};
static const char train_text[] = {
#embed "train.nn"
};
static const char checkpoint_text[] = {
#embed "checkpoint.nn"
};
static const char axis_text[] = {
#embed "axis.nn"
};
static const char canvas_text[] = {
#embed "canvas.nn"
};
static const char figure_text[] = {
#embed "figure.nn"
};
static const char lettering_text[] = {
#embed "lettering.nn"
};
static const char plot_text[] = {
#embed "plot.nn"
};
static const char pictures_text[] = {
#embed "pictures.nn"
};
static const char search_text[] = {
#embed "search.nn"
};
static const char diagnose_text[] = {
#embed "diagnose.nn"
};
static const char metrics_text[] = {
#embed "metrics.nn"
};
static const char schedule_text[] = {
#embed "schedule.nn"
};
static const char tokens_text[] = {
#embed "tokens.nn"
};
static const char augment_text[] = {
#embed "augment.nn"
};
static const char datasets_text[] = {
#embed "datasets.nn"
};

static const struct {
  const char *name, *text;
  int length;
} files[] = {
    {"init", init_text, sizeof init_text},
    {"nn", nn_text, sizeof nn_text},
    {"norm", norm_text, sizeof norm_text},
    {"sequence", sequence_text, sizeof sequence_text},
    {"images", images_text, sizeof images_text},
    {"optim", optim_text, sizeof optim_text},
    {"data", data_text, sizeof data_text},
    {"derivatives", derivatives_text, sizeof derivatives_text},
    {"digits", digits_text, sizeof digits_text},
    {"linalg", linalg_text, sizeof linalg_text},
    {"train", train_text, sizeof train_text},
    {"checkpoint", checkpoint_text, sizeof checkpoint_text},
    {"axis", axis_text, sizeof axis_text},
    {"canvas", canvas_text, sizeof canvas_text},
    {"figure", figure_text, sizeof figure_text},
    {"lettering", lettering_text, sizeof lettering_text},
    {"plot", plot_text, sizeof plot_text},
    {"pictures", pictures_text, sizeof pictures_text},
    {"search", search_text, sizeof search_text},
    {"diagnose", diagnose_text, sizeof diagnose_text},
    {"metrics", metrics_text, sizeof metrics_text},
    {"schedule", schedule_text, sizeof schedule_text},
    {"tokens", tokens_text, sizeof tokens_text},
    {"augment", augment_text, sizeof augment_text},
    {"datasets", datasets_text, sizeof datasets_text},
};

int nnstdlib_count(void) { return sizeof files / sizeof files[0]; }

const char *nnstdlib_file(int index, const char **name, int *length) {
  *name = files[index].name;
  *length = files[index].length;
  return files[index].text;
}
