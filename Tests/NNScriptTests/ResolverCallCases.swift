// Diagnostics about calls, models, types, dimensions and modules.

extension ResolverCase {
  static let calls: [ResolverCase] = [
    ResolverCase(
      name: "two parameters",
      source: """
        fn f(a, b, a) = a
        """,
      expected: """
        error: there are two parameters `a`
         --> test.nn:1:12
          |
        1 | fn f(a, b, a) = a
          |      -     ^
          |      |
          |      first declared here
        """),
    ResolverCase(
      name: "too many arguments",
      source: """
        fn f(a) = a
        f(1, 2)
        """,
      expected: """
        error: `f` takes 1 argument, but 2 are given
         --> test.nn:2:6
          |
        1 | fn f(a) = a
          |    - declared here
        2 | f(1, 2)
          |      ^
        """),
    ResolverCase(
      name: "no arguments",
      source: """
        fn f() = 1
        f(1)
        """,
      expected: """
        error: `f` takes no arguments, but 1 is given
         --> test.nn:2:3
          |
        1 | fn f() = 1
          |    - declared here
        2 | f(1)
          |   ^
        """),
    ResolverCase(
      name: "missing arguments",
      source: """
        fn f(first, second, third = 1) = first
        f()
        """,
      expected: """
        error: `f` needs the arguments `first`, `second`
         --> test.nn:2:1
          |
        1 | fn f(first, second, third = 1) = first
          |    - declared here
        2 | f()
          | ^^^
        """),
    ResolverCase(
      name: "unknown argument",
      source: """
        fn train(net, rate, epochs = 1) = net
        train(1, 2, epoch: 3)
        """,
      expected: """
        error: `train` has no parameter `epoch`
         --> test.nn:2:13
          |
        1 | fn train(net, rate, epochs = 1) = net
          |    ----- declared here
        2 | train(1, 2, epoch: 3)
          |             ^^^^^
          |
        help: did you mean `epochs`?
        """),
    ResolverCase(
      name: "argument given twice",
      source: """
        fn f(a, b) = a
        f(1, a: 2, b: 3)
        """,
      expected: """
        error: `f` is given the argument `a` twice
         --> test.nn:2:6
          |
        1 | fn f(a, b) = a
          |    - declared here
        2 | f(1, a: 2, b: 3)
          |      ^^^^ it is given by its position already
        """),
    ResolverCase(
      name: "by name only",
      source: """
        fn f(xs..., axis) = axis
        f(1, 2)
        f(1, 2, axis: 0, axes: 1)
        """,
      expected: """
        error: `f` needs the argument `axis`
         --> test.nn:2:1
          |
        1 | fn f(xs..., axis) = axis
          |    - declared here
        2 | f(1, 2)
          | ^^^^^^^

        error: `f` has no parameter `axes`
         --> test.nn:3:18
          |
        1 | fn f(xs..., axis) = axis
          |    - declared here
        2 | f(1, 2)
        3 | f(1, 2, axis: 0, axes: 1)
          |                  ^^^^
          |
        help: did you mean `axis`?
        """),
    ResolverCase(
      name: "builtin argument",
      source: """
        let x = softmax(ones(2), axes: 0)
        """,
      expected: """
        error: `softmax` has no parameter `axes`
         --> test.nn:1:26
          |
        1 | let x = softmax(ones(2), axes: 0)
          |                          ^^^^
          |
        help: did you mean `axis`?
        """),
    ResolverCase(
      name: "pipe into a model",
      source: """
        model Scale(a, b) {
            fn call(x) = a * x + b
        }
        let y = 3 |> Scale(1, 2)
        """,
      expected: """
        error: `Scale` takes 2 arguments, but 3 are given
         --> test.nn:4:23
          |
        1 | model Scale(a, b) {
          |       ----- declared here
        ...
        4 | let y = 3 |> Scale(1, 2)
          |                       ^
          |
        help: to pipe into a new `Scale`, write parentheses: `x |> (Scale(...))`
        """),
    ResolverCase(
      name: "method arguments",
      source: """
        model M() {
            fn one(x) = x
            fn two() = one() + one(1, 2)
        }
        """,
      expected: """
        error: `one` needs the argument `x`
         --> test.nn:3:16
          |
        2 |     fn one(x) = x
          |        --- declared here
        3 |     fn two() = one() + one(1, 2)
          |                ^^^^^

        error: `one` takes 1 argument, but 2 are given
         --> test.nn:3:31
          |
        2 |     fn one(x) = x
          |        --- declared here
        3 |     fn two() = one() + one(1, 2)
          |                               ^
        """),
    ResolverCase(
      name: "self outside",
      source: """
        fn f() = self.x
        """,
      expected: """
        error: `self` is known only in a model
         --> test.nn:1:10
          |
        1 | fn f() = self.x
          |          ^^^^
        """),
    ResolverCase(
      name: "break outside",
      source: """
        if true { break }
        for x in [1] { fn f() { continue } }
        """,
      expected: """
        error: `break` outside a loop
         --> test.nn:1:11
          |
        1 | if true { break }
          |           ^^^^^

        error: `continue` outside a loop
         --> test.nn:2:25
          |
        2 | for x in [1] { fn f() { continue } }
          |                         ^^^^^^^^
        """),
    ResolverCase(
      name: "return outside",
      source: """
        return 3
        """,
      expected: """
        error: `return` outside a function
         --> test.nn:1:1
          |
        1 | return 3
          | ^^^^^^^^
          |
        help: `exit()` ends the program
        """),
    ResolverCase(
      name: "field used before it is initialised",
      source: """
        model M(n) {
            let a = b + n
            let b = 1
        }
        """,
      expected: """
        error: `b` is used before it is declared
         --> test.nn:2:13
          |
        2 |     let a = b + n
          |             ^
        3 |     let b = 1
          |         - declared here
          |
        help: a function that calls itself is declared `fn b(...)`
        """),
    ResolverCase(
      name: "field declared twice",
      source: """
        model M() {
            let a = 1
            param a = 2
        }
        """,
      expected: """
        error: `a` is declared twice in the model `M`
         --> test.nn:3:11
          |
        2 |     let a = 1
          |         - first declared here
        3 |     param a = 2
          |           ^
          |
        help: give one of them another name
        """),
    ResolverCase(
      name: "assigned fields",
      source: """
        model M(n) {
            param w = 1
            state s = 1
            var v = 1
            let l = 1
            fn step() {
                w = 2; s = 2; v = 2
                l = 2
                n = 2
                step = 2
            }
        }
        """,
      expected: """
        error: `l` cannot be assigned: it is declared with `let`
         --> test.nn:8:9
          |
        5 |     let l = 1
          |         - declared here
        ...
        8 |         l = 2
          |         ^
          |
        help: declare it with `state` if it is saved with the model, or with `var`

        error: `n` cannot be assigned: it is an argument of the constructor
         --> test.nn:9:9
          |
        1 | model M(n) {
          |         - declared here
        ...
        9 |         n = 2
          |         ^
          |
        help: to change it, declare the field `var n = n`

        error: `step` cannot be assigned: it is a function of the model
          --> test.nn:10:9
           |
         6 |     fn step() {
           |        ---- declared here
        ...
        10 |         step = 2
           |         ^^^^
           |
        help: give the variable another name
        """),
    ResolverCase(
      name: "unknown type",
      source: """
        fn f(x: numbr, y: Layer) = x
        """,
      expected: """
        error: unknown type `numbr`
         --> test.nn:1:9
          |
        1 | fn f(x: numbr, y: Layer) = x
          |         ^^^^^
          |
        help: did you mean `number`?

        error: unknown type `Layer`
         --> test.nn:1:19
          |
        1 | fn f(x: numbr, y: Layer) = x
          |                   ^^^^^
          |
        help: a type is number, string, bool, list, dict, fn, tuple, a model or a shape as `[B, 784]`
        """),
    ResolverCase(
      name: "function as type",
      source: """
        fn g() = 1
        fn f(x: g) = x
        """,
      expected: """
        error: `g` is not a type
         --> test.nn:2:9
          |
        2 | fn f(x: g) = x
          |         ^
          |
        help: a type is the name of a model
        """),
    ResolverCase(
      name: "dimension hidden",
      source: """
        fn f(x: [N]) {
            let N = 7
            N
        }
        """,
      expected: """
        warning: `N` hides the dimension of the same name
         --> test.nn:2:9
          |
        1 | fn f(x: [N]) {
          |          - the dimension
        2 |     let N = 7
          |         ^
          |
        help: give the variable another name
        """),
    ResolverCase(
      name: "dimension assigned",
      source: """
        fn f(x: [N]) { N = 2 }
        """,
      expected: """
        error: `N` cannot be assigned: it is a dimension of a parameter
         --> test.nn:1:16
          |
        1 | fn f(x: [N]) { N = 2 }
          |          -     ^
          |          |
          |          declared here
          |
        help: give the variable another name
        """),
    ResolverCase(
      name: "name that is no function",
      source: """
        model M() {
            state max = 0
            fn call(x) = max(x, max)
        }
        """,
      expected: """
        warning: `max` is not a function here: the builtin `max` is called
         --> test.nn:3:18
          |
        2 |     state max = 0
          |           --- this is passed over
        3 |     fn call(x) = max(x, max)
          |                  ^^^
        """),
    ResolverCase(
      name: "key twice",
      source: """
        let d = {a: 1, b: 2, a: 3}
        """,
      expected: """
        warning: the key `a` stands twice in this dict
         --> test.nn:1:22
          |
        1 | let d = {a: 1, b: 2, a: 3}
          |          -           ^
          |          |
          |          this value is lost
        """),
    ResolverCase(
      name: "underscore read",
      source: """
        let _ = 1
        print(_)
        """,
      expected: """
        error: `_` has no value
         --> test.nn:2:7
          |
        2 | print(_)
          |       ^
          |
        help: it stands for what is not needed
        """),
    ResolverCase(
      name: "module members",
      source: """
        import "helpers.nn" as h
        h.duoble(2)
        h._secret
        h.double(1, 2)
        h.count = 3
        """,
      expected: """
        error: `h` has no member `duoble`
         --> test.nn:2:3
          |
        2 | h.duoble(2)
          |   ^^^^^^
          |
        help: did you mean `double`?

        error: `_secret` is private in `h`
         --> test.nn:3:3
          |
        3 | h._secret
          |   ^^^^^^^

        error: `double` takes 1 argument, but 2 are given
         --> test.nn:4:13
          |
        4 | h.double(1, 2)
          |             ^

        error: `count` of the module `h` cannot be assigned from outside
         --> test.nn:5:1
          |
        5 | h.count = 3
          | ^^^^^^^
          |
        help: give `h` a function that assigns `count`
        """),
    ResolverCase(
      name: "missing module",
      source: """
        import "nowhere.nn"
        """,
      expected: """
        error: there is no file `nowhere.nn`
         --> test.nn:1:8
          |
        1 | import "nowhere.nn"
          |        ^^^^^^^^^^^^
        """),
    ResolverCase(
      name: "several errors",
      source: """
        fn f(x) {
            y = x
            let z = unknwon(y)
            z
        }
        f()
        """,
      expected: """
        error: `y` is not declared
         --> test.nn:2:5
          |
        2 |     y = x
          |     ^
          |
        help: to declare it, write `let y = ...`, or `var` if it changes later

        error: unknown name `unknwon`
         --> test.nn:3:13
          |
        3 |     let z = unknwon(y)
          |             ^^^^^^^

        error: `f` needs the argument `x`
         --> test.nn:6:1
          |
        1 | fn f(x) {
          |    - declared here
        ...
        6 | f()
          | ^^^
        """),
  ]
}
