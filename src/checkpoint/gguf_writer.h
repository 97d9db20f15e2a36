// Writes a GGUF file, tensor by tensor: what is not yet written need not be in memory.
//
//   GgufWriter writer;
//   writer.set("general.architecture", std::string("llama"));
//   writer.add("blk.0.attn_q.weight", BlockFormat::q8_0, {512, 512}, [&](const GgufWriter::Sink& sink) { … sink(bytes); … });
//   Status written = writer.write("model.gguf");          // whole or not at all
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "checkpoint/gguf.h"

namespace orrery {

using GgufValue = std::variant<uint32_t, int32_t, float, bool, std::string, std::vector<std::string>, std::vector<float>, std::vector<int32_t>, std::vector<uint8_t>>;
using GgufKeys = std::vector<std::pair<std::string, GgufValue>>;

// As read_gguf_metadata would give them.
Json gguf_metadata(const GgufKeys& keys);

class GgufWriter {
 public:
  using Sink = std::function<void(std::string_view)>;

  void set(std::string key, GgufValue value) { keys_.emplace_back(std::move(key), std::move(value)); }
  void set(const GgufKeys& keys) { keys_.insert(keys_.end(), keys.begin(), keys.end()); }
  // `fill` hands all bytes of the tensor to the sink, in order, when the file is written; it may throw Error.
  void add(std::string name, GgufType type, std::vector<int64_t> shape, std::function<void(const Sink&)> fill);

  size_t tensors() const { return tensors_.size(); }
  // progress(n): n tensors are written.
  Status write(const std::filesystem::path& path, const std::function<void(size_t)>& progress = {}) const;

 private:
  struct Entry {
    std::string name;
    GgufType type;
    std::vector<int64_t> shape;
    uint64_t bytes;
    std::function<void(const Sink&)> fill;
  };
  GgufKeys keys_;
  std::vector<Entry> tensors_;
};

}  // namespace orrery
