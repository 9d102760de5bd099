// What names of other languages and libraries are called here.

/// Helps for names that Python, PyTorch, Keras, NumPy and JavaScript have and nnscript has not.
enum ForeignName {
  /// Packages whose work is done here by functions that need no import, and their usual short names.
  static let packages = [
    "torch", "np", "numpy", "tf", "tensorflow", "keras", "jax", "jnp", "nn", "F", "optim",
    "sklearn",
  ]

  /// The help for an unknown name.
  static let help: [String: String] = {
    var rows = [
      "True": "write `true`", "False": "write `false`", "TRUE": "write `true`",
      "FALSE": "write `false`", "this": "write `self`", "length": "write `len(x)`",
      "println": "write `print(...)`", "printf": "write `print(...)`", "puts": "write `print(...)`",
      "console": "write `print(...)`", "int": "write `floor(x)`, or `number(text)`",
      "float": "write `number(text)`", "append": "write `xs.push(x)`", "echo": "write `print(...)`",
      "isinstance": "write `type(x) == \"...\"`", "typeof": "write `type(x)`",
      "Infinity": "write `inf`", "NaN": "write `nan`", "Math": "write `sqrt(x)`, `floor(x)`, `pi`",
      "math": "write `sqrt(x)`, `floor(x)`, `pi`",
      "elif": "write `else if`", "lambda": "write `x => ...`",
      "Exception": "write `error(\"...\")`", "raise": "write `throw error(\"...\")`",
      "Dense": "write `Linear(inputs, outputs)`", "DataLoader": "write `batches(data, 32)`",
      "MaxPooling2D": "write `MaxPool2d(2)`", "ModuleList": "keep the layers in a list",
      "CrossEntropyLoss": "write `cross_entropy(scores, labels)`", "MSELoss": "write `mse(x, y)`",
      "BCELoss": "write `bce(x, y)`", "BCEWithLogitsLoss": "write `bce_logits(x, y)`",
      "GradientTape": "write `grad(f)` or `value_and_grad(f)`",
      "no_grad": "write `stop_gradient(x)`",
      "array": "write `tensor([...])`", "asarray": "write `tensor([...])`",
      "train_test_split": "write `split_data(data, 0.8)`", "KFold": "write `k_fold(data, 5)`",
      "GridSearchCV": "write `grid_search(...)`", "StandardScaler": "write `Normalise(data)`",
      "StepLR": "write `StepDecay(...)`", "CosineAnnealingLR": "write `CosineDecay(...)`",
      "OneCycleLR": "write `OneCycle(...)`",
      "clock": "write `time()`", "perf_counter": "write `time()`",
      "confusion_matrix": "write `confusion(labels, predictions, classes)`",
      "EMA": "write `ExponentialMovingAverage(net)`", "jit": "nothing needs to be compiled here",
    ]
    for name in ["None", "null", "NULL", "Nil", "undefined", "nothing", "nullptr"] {
      rows[name] = "write `nil`"
    }
    for name in packages {
      rows[name] = "tensor functions and layers are called by their bare names: `zeros(2, 3)`"
    }
    return rows
  }()

  /// The help for a member that a value does not have: what it is called here.
  static func memberHelp(_ name: String, of kind: ValueSketch.Kind) -> String? {
    if name == "len" || name == "length" { return "len(x) gives the length" }
    switch kind {
    case .list: return listMembers[name]
    case .string: return stringMembers[name]
    case .dict: return dictMembers[name]
    case .tensor: return tensorMembers[name]
    case .none, .number, .instance, .other: return nil
    }
  }

  private static let listMembers: [String: String] = [
    "append": "write `xs.push(x)`", "extend": "write `xs ++ ys`",
    "size": "len(xs) gives the length",
    "count": "write `len(xs.filter(x => x == value))`", "clear": "write `xs = []`",
    "slice": "write `xs[begin:end]`", "includes": "write `xs.contains(x)`",
    "indexOf": "write `xs.index(x)`", "shape": "`tensor(xs)` makes a tensor of a list",
  ]

  private static let stringMembers: [String: String] = [
    "strip": "write `s.trim()`", "toUpperCase": "write `s.upper()`",
    "toLowerCase": "write `s.lower()`", "format": "a string interpolates: \"{x:.2f}\"",
    "splitlines": "write `s.split(\"\\n\")`", "includes": "write `s.contains(part)`",
    "startsWith": "write `s.starts_with(part)`", "endsWith": "write `s.ends_with(part)`",
    "size": "len(s) gives the length",
  ]

  private static let dictMembers: [String: String] = [
    "has_key": "write `key in d`", "has": "write `key in d`", "iteritems": "write `d.items()`",
    "entries": "write `d.items()`", "pop": "write `d.remove(key)`",
    "delete": "write `d.remove(key)`",
    "update": "write `for (key, value) in other.items() { d[key] = value }`",
    "setdefault": "`d.get(key, default)` reads with a default",
  ]

  private static let tensorMembers: [String: String] = {
    var rows = [
      "append": "write `concat([x, y])`", "view": "write `x.reshape(...)`",
      "backward": "gradients are functions here: `grad(f)(x)`, or `value_and_grad(f)`",
      "grad": "gradients are functions here: `grad(f)(x)`, or `value_and_grad(f)`",
      "detach": "write `stop_gradient(x)`", "clone": "nothing changes a tensor that others hold",
      "astype": "write `x.to(\"f32\")`", "float": "write `x.to(\"f32\")`",
      "double": "write `x.to(\"f64\")`", "int": "write `x.to(\"i32\")`",
      "long": "write `x.to(\"i64\")`", "tolist": "write `x.list()`",
      "ndim": "write `x.rank`", "dim": "write `x.rank`", "numel": "write `x.size`",
      "mm": "write `x @ y`", "bmm": "write `x @ y`",
    ]
    for name in ["cuda", "cpu", "device"] { rows[name] = "every tensor is in the CPU's memory" }
    for name in ["numpy", "data"] { rows[name] = "a tensor is used as it is" }
    for name in ["requires_grad_", "requires_grad"] {
      rows[name] = "`grad(f)` needs no mark on a tensor"
    }
    return rows
  }()
}
