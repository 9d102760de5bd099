// Chains of elementwise operations, evaluated in one pass over memory.
#ifndef NNK_CHAIN_H
#define NNK_CHAIN_H

#include "nnk_math.h"

#pragma clang assume_nonnull begin

/// What a step of a chain does. The steps are in postfix order: operands first, then the operation on them.
typedef enum { NNK_CHAIN_LOAD, NNK_CHAIN_NUMBER, NNK_CHAIN_UNARY, NNK_CHAIN_BINARY } nnk_chain_kind;

/// One step of a chain.
typedef struct {
  nnk_chain_kind kind;
  uint32_t op;                     ///< an nnk_unary_op or nnk_binary_op with results of the operands' type
  const void *_Nullable elements;  ///< what a load reads
  double number;                   ///< an operand that is one number
} nnk_chain_step;

/// How many values steps may hold at a time.
enum { NNK_CHAIN_DEPTH = 6 };

/// Whether an operation of one or two operands has a loop for a type.
bool nnk_has_elementwise(bool is_unary, uint32_t op, nnk_type type);

/// y[i] = the value that `count` steps leave for element i. Gives the bits that whole passes, one for each operation, would
/// give. `y` may be one of the loaded arrays. f32, f64; false if an operation has no loop for the type.
bool nnk_chain(nnk_type type, const nnk_chain_step *steps, size_t count, void *y, size_t n);

#pragma clang assume_nonnull end

#endif
