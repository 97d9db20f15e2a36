// The weights of a model: one canonical tensor each, with a version, and layouts derived from it when first needed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/threads.h"
#include "graph/graph.h"
#include "graph/panel_cache.h"
#include "kernels/matmul.h"
#include "tensor/block_matrix.h"
#include "tensor/slabs.h"
#include "tensor/tensor.h"

namespace orrery {

enum class Role : uint8_t { trainable, frozen };

// How a matrix product reads a weight: b[p, j] = W[j, p] (rows), or W[p, j] (columns).
enum class Orientation : uint8_t { rows, columns };

// A weight as products read it: kernels/matmul.h.
struct Panels {
  Tensor bytes = {};
  PanelFormat format = PanelFormat::own;
};

struct Weight {
  Tensor value = {};             // canonical: f32 (the master copy) when trained; the file's dtype when only read
  Role role = Role::trainable;
  uint64_t version = 1;          // raised by whoever changes the values: derived layouts are then made anew
  std::optional<BlockMatrix> stored = {};   // in place of `value`, which is then empty: blocks as a file has them
  std::optional<BlockFormat> blocks = {};   // products read it rounded to these, where its inner size is a whole number of them
  bool int8 = false;             // products read it rounded to int8, with one scale for all that is summed up; not those of bf16
  std::function<void()> release = {};  // tells where the value came from (a mapped file) that its pages are not needed now

  std::vector<int64_t> shape() const { return stored ? stored->shape() : value.shape(); }
  int64_t bytes() const { return int64_t(stored ? stored->bytes.bytes() : value.bytes()); }
  bool mapped() const { return !(stored ? stored->bytes : value).writable(); }
  Tensor values() const { return stored ? stored->values() : value; }   // of blocks, fresh f32
};

class WeightStore {
 public:
  void add(const std::string& name, Weight weight);
  bool has(const std::string& name) const { return weights_.contains(name); }
  Weight& at(const std::string& name);               // throws Error when absent
  const Weight& at(const std::string& name) const;
  const std::map<std::string, Weight>& all() const { return weights_; }
  std::map<std::string, Weight>& all() { return weights_; }
  void changed(const std::string& name);              // raises the version, drops derived layouts
  void changed();                                     // all of them

  // What products with these weights are computed in: f32, or bf16, where both factors are rounded and sums stay f32.
  // For plans that are compiled from here on.
  DType products = DType::f32;

  // Where panels of mapped files' weights are kept between runs; none: nowhere.
  std::unique_ptr<PanelCache> cache = {};
  // Writes panels that were made since to the cache, and gives back what loading and packing left on the process's heap. For who has compiled all plans of a model.
  void keep_packed();

  // How products read a weight [n, k] (rows) or [k, n] (columns).
  PanelFormat format(const Weight& weight, Orientation orientation, int64_t n, int64_t k) const;

  // The values as `dtype`: the canonical tensor where it is that already.
  Tensor as(const std::string& name, DType dtype);
  // Panels for products with W [n, k] (rows: b[p, j] = W[j, p], n columns) or W [k, n] (columns). See kernels/matmul.h.
  Panels packed(const std::string& name, Orientation orientation, DType compute, ThreadPool* pool);

  int64_t parameters() const;                         // elements of all weights
  int64_t canonical_bytes() const;
  int64_t derived_bytes() const;

 private:
  struct Derived {
    uint64_t version = 0;
    Tensor tensor;
  };
  std::string name_in_cache(const std::string& name, const Weight& weight, Orientation orientation, PanelFormat format);
  std::map<std::string, Weight> weights_;
  std::map<std::string, Derived> derived_;            // "name as f64", "name packed rows"
  Slabs slabs_;                                       // of panels
  std::map<std::string, std::string> layouts_;        // for name_in_cache
  std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>();
};

}  // namespace orrery
