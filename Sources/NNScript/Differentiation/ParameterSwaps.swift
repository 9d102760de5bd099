// Parameters of models that stand in for a call, and the way back.
import NNTensor

/// Parameters that others stand in for; `restore` puts them back, on every way out.
struct ParameterSwaps {
  private var swapped: [(instance: Slot, field: Int, old: Slot)] = []

  mutating func reserve(_ count: Int) { swapped.reserveCapacity(swapped.count + count) }

  /// Puts an owned value in a parameter's place.
  mutating func swap(_ place: ModelPlace, for value: Slot) {
    swapped.append((retained(Slot(place.instance)), place.field, place.value))
    place.instance.fields[place.field] = value
  }

  mutating func restore() {
    for (instance, field, old) in swapped.reversed() {
      assign(old, to: instance.object(InstanceObject.self).fields + field)
      release(instance)
    }
    swapped = []
  }
}
