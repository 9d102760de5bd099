// A small C door to GNU readline, whose hooks are C globals.
#ifndef CREADLINE_H
#define CREADLINE_H
#endif
