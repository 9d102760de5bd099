// Makes the tensors that files are read into.

import NNTensor

/// A tensor whose contents are still to be written; running out of memory is an error that names the file.
func allocate(_ shape: [Int], _ dtype: DType, for file: String) throws(FileFormatError) -> Tensor {
  do throws(TensorError) {
    return try Tensor(shape: Shape(shape), dtype: dtype)
  } catch {
    throw FileFormatError(file, "cannot be read: \(error.message)")
  }
}
