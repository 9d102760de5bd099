// Trains XOR in a script and calls the trained network from Swift.
import NNScript

let engine = Engine()

engine.define("report", parameters: "step, loss") { arguments in
  print("step \(Int(arguments[0].number ?? 0)): loss \(arguments[1].number ?? .nan)")
  return nil
}

do {
  try engine.evaluate(
    """
    seed(1)
    model XOR() {
        let l1 = Linear(2, 8)
        let l2 = Linear(8, 1)
        fn call(x) = x |> l1 |> tanh |> l2 |> sigmoid
    }
    let net = XOR()
    let opt = Adam(net, lr: 0.05)
    let x = tensor([[0, 0], [0, 1], [1, 0], [1, 1]])
    let y = tensor([[0], [1], [1], [0]])
    let step = value_and_grad(fn(net) { mse(net(x), y) })

    fn train(steps) {
        for i in 0..steps {
            let (loss, g) = step(net)
            opt.update(net, g)
            if i % 100 == 0 { report(i, item(loss)) }
        }
    }
    fn predict(rows) = list(net(tensor(rows)).reshape(-1))
    """)

  try engine.call("train", 500)
  let answers = try engine.call("predict", [[0, 0], [0, 1], [1, 0], [1, 1]])
  let bits = (answers.elements ?? []).map { ($0.number ?? 0) > 0.5 ? 1 : 0 }
  print("predicted: \(bits)")

  do {
    try engine.evaluate("predict([[1, 2, 3]])")
  } catch let failure as ScriptFailure {
    print("as expected, \(failure.kind) error: \(failure.message)")
  }
} catch let failure as ScriptFailure {
  print(failure)
}
