// Any bytes as a safetensors file: refused, or all tensors lie in the file side by side and have the bytes of their shapes.
#include <cstdint>
#include <span>

#include "check.h"
#include "checkpoint/safetensors.h"
#include "tensor/tensor.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace orrery;
  const auto header = parse_safetensors(std::as_bytes(std::span(data, size)), "input");
  if (!header) {
    FUZZ_CHECK(!header.error().what.empty());
    return 0;
  }
  uint64_t filled = header->tensors.empty() ? size : header->tensors.front().begin;
  for (const TensorInfo& tensor : header->tensors) {
    FUZZ_CHECK(tensor.begin == filled && tensor.begin <= tensor.end && tensor.end <= size);
    const auto numel = checked_numel(tensor.shape);
    FUZZ_CHECK(numel && uint64_t(*numel) * uint64_t(size_of(tensor.dtype)) == tensor.end - tensor.begin);
    filled = tensor.end;
  }
  FUZZ_CHECK(filled == size);
  return 0;
}
