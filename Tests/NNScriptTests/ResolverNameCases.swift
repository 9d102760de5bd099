// Diagnostics about names: unknown ones, scopes, declarations, assignments.

extension ResolverCase {
  static let names: [ResolverCase] = [
    ResolverCase(
      name: "misspelt name",
      source: """
        let learning_rate = 0.1
        print(learning_rat)
        """,
      expected: """
        error: unknown name `learning_rat`
         --> test.nn:2:7
          |
        2 | print(learning_rat)
          |       ^^^^^^^^^^^^
          |
        help: did you mean `learning_rate`?
        """),
    ResolverCase(
      name: "misspelt builtin",
      source: """
        let x = sotfmax(ones(2))
        """,
      expected: """
        error: unknown name `sotfmax`
         --> test.nn:1:9
          |
        1 | let x = sotfmax(ones(2))
          |         ^^^^^^^
          |
        help: did you mean `softmax`?
        """),
    ResolverCase(
      name: "names of other languages",
      source: """
        let a = True
        let b = None
        let c = np.zeros(3)
        """,
      expected: """
        error: unknown name `True`
         --> test.nn:1:9
          |
        1 | let a = True
          |         ^^^^
          |
        help: write `true`

        error: unknown name `None`
         --> test.nn:2:9
          |
        2 | let b = None
          |         ^^^^
          |
        help: write `nil`

        error: unknown name `np`
         --> test.nn:3:9
          |
        3 | let c = np.zeros(3)
          |         ^^
          |
        help: tensor functions and layers are called by their bare names: `zeros(2, 3)`
        """),
    ResolverCase(
      name: "used before its declaration",
      source: """
        print(later)
        let later = 1
        """,
      expected: """
        error: `later` is used before it is declared
         --> test.nn:1:7
          |
        1 | print(later)
          |       ^^^^^
        2 | let later = 1
          |     ----- declared here
          |
        help: a function that calls itself is declared `fn later(...)`
        """),
    ResolverCase(
      name: "local function used before its declaration",
      source: """
        fn f() {
            let a = g(1)
            fn g(x) = x
            a
        }
        """,
      expected: """
        error: `g` is used before it is declared
         --> test.nn:2:13
          |
        2 |     let a = g(1)
          |             ^
        3 |     fn g(x) = x
          |        - declared here
          |
        help: only functions and models of the top level can be used before their declaration
        """),
    ResolverCase(
      name: "recursive lambda",
      source: """
        fn f() {
            let fact = n => if n == 0 { 1 } else { n * fact(n - 1) }
            fact(3)
        }
        """,
      expected: """
        error: `fact` is used before it is declared
         --> test.nn:2:48
          |
        2 |     let fact = n => if n == 0 { 1 } else { n * fact(n - 1) }
          |         ----                                   ^^^^
          |         |
          |         declared here
          |
        help: a function that calls itself is declared `fn fact(...)`
        """),
    ResolverCase(
      name: "out of scope",
      source: """
        if true { let inner = 1 }
        print(inner)
        """,
      expected: """
        error: unknown name `inner`
         --> test.nn:2:7
          |
        2 | print(inner)
          |       ^^^^^
        """),
    ResolverCase(
      name: "let assigned",
      source: """
        let total = 0
        for x in [1, 2] { total += x }
        """,
      expected: """
        error: `total` cannot be assigned: it is declared with `let`
         --> test.nn:2:19
          |
        1 | let total = 0
          |     ----- declared here
        2 | for x in [1, 2] { total += x }
          |                   ^^^^^
          |
        help: declare it with `var total = ...` if it changes
        """),
    ResolverCase(
      name: "parameter assigned",
      source: """
        fn f(x) {
            x = x + 1
            x
        }
        """,
      expected: """
        error: `x` cannot be assigned: it is a parameter
         --> test.nn:2:5
          |
        1 | fn f(x) {
          |      - declared here
        2 |     x = x + 1
          |     ^
          |
        help: write `var x = x` at the top of the block for a variable of its own
        """),
    ResolverCase(
      name: "loop variable assigned",
      source: """
        for i in 0..3 { i += 1 }
        """,
      expected: """
        error: `i` cannot be assigned: it is a loop variable
         --> test.nn:1:17
          |
        1 | for i in 0..3 { i += 1 }
          |     -           ^
          |     |
          |     declared here
          |
        help: write `var i = i` at the top of the block for a variable of its own
        """),
    ResolverCase(
      name: "function assigned",
      source: """
        fn f() = 1
        f = 2
        """,
      expected: """
        error: `f` cannot be assigned: it is a function
         --> test.nn:2:1
          |
        1 | fn f() = 1
          |    - declared here
        2 | f = 2
          | ^
          |
        help: give the variable another name
        """),
    ResolverCase(
      name: "builtin assigned",
      source: """
        sum = 3
        """,
      expected: """
        error: `sum` is a builtin and cannot be assigned
         --> test.nn:1:1
          |
        1 | sum = 3
          | ^^^
          |
        help: to use the name for a variable, write `let sum = ...` or `var`
        """),
    ResolverCase(
      name: "not declared",
      source: """
        count = 1
        """,
      expected: """
        error: `count` is not declared
         --> test.nn:1:1
          |
        1 | count = 1
          | ^^^^^
          |
        help: to declare it, write `let count = ...`, or `var` if it changes later
        """),
    ResolverCase(
      name: "not declared but similar",
      source: """
        var counter = 0
        conter = 1
        conter += 1
        """,
      expected: """
        error: `conter` is not declared
         --> test.nn:2:1
          |
        2 | conter = 1
          | ^^^^^^
          |
        help: did you mean `counter`?
        help: to declare it, write `let conter = ...`, or `var` if it changes later

        error: `conter` is not declared
         --> test.nn:3:1
          |
        3 | conter += 1
          | ^^^^^^
          |
        help: did you mean `counter`?
        """),
    ResolverCase(
      name: "declared twice",
      source: """
        let x = 1
        let x = 2
        """,
      expected: """
        error: `x` is declared twice in the same scope
         --> test.nn:2:5
          |
        1 | let x = 1
          |     - first declared here
        2 | let x = 2
          |     ^
          |
        help: give one of them another name
        """),
    ResolverCase(
      name: "var declared twice",
      source: """
        var x = 1
        var x = 2
        """,
      expected: """
        error: `x` is declared twice in the same scope
         --> test.nn:2:5
          |
        1 | var x = 1
          |     - first declared here
        2 | var x = 2
          |     ^
          |
        help: to change it, write `x = ...` without `var`
        """),
  ]
}
