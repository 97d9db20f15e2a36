// Fills the tables: the references by the names in kernels.inc, and over them, for each instruction set that this
// processor and its operating system have, the kernels named in cpu/cpu.inc.
#include "kernels/kernels.h"

#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "base/processor.h"
#include "kernels/fastest.h"

namespace orrery {

namespace reference {
#define KERNEL(kernel) \
  template <class T>   \
  kernel##_fn<T> kernel;
#include "kernels/kernels.inc"
#undef KERNEL
}  // namespace reference

#if defined(__x86_64__)
namespace cpu::avx2 {
void fill(Kernels<float>& table);
}
#ifdef ORRERY_HAS_avx512
namespace cpu::avx512 {
void fill(Kernels<float>& table);
matmul_fn<float> matmul_in_tiles;
attention_fn<float> attention_in_tiles;
attention_step_fn<float> attention_step_in_tiles;
attention_part_fn<float> attention_part_in_tiles;
attention_backward_fn<float> attention_backward_in_tiles;
peak_bf16_fn<float> peak_bf16_in_tiles;
peak_int8_fn<float> peak_int8_in_tiles;
bool has_bf16_tiles();
bool has_bf16_products();
}
#endif
#elif defined(__aarch64__)
namespace cpu::neon {
void fill(Kernels<float>& table);
}
#endif

namespace {

template <class T>
Kernels<T> reference_table() {
  Kernels<T> table;
  table.name = "reference";
#define KERNEL(kernel) table.kernel = reference::kernel<T>;
#include "kernels/kernels.inc"
#undef KERNEL
  return table;
}

// A class of kernels that this program holds, best last.
struct KernelClass {
  Kernels<float> table;
  bool runs_here;
};

#if defined(__x86_64__) || defined(__aarch64__)
Kernels<float> filled(const char* name, void (*fill)(Kernels<float>&), bool runs_here) {
  Kernels<float> table = reference_table<float>();
  table.name = name;
  if (runs_here) fill(table);   // the filling itself is built for that instruction set
  return table;
}

#endif

#if defined(__x86_64__)
std::vector<KernelClass> make_classes() {
  const bool avx2 = has(InstructionSet::avx2);
  std::vector<KernelClass> classes = {{reference_table<float>(), true}, {filled("avx2", cpu::avx2::fill, avx2), avx2}};
#ifdef ORRERY_HAS_avx512
  const bool avx512 = has(InstructionSet::avx512);
  const bool amx = avx512 && cpu::avx512::has_bf16_tiles();
  if (avx512) cpu::avx512::has_bf16_products();   // measured now, since that takes memory, and a step of writing asks for none
  Kernels<float> tiles = filled("amx", cpu::avx512::fill, amx);
  if (amx) {
    tiles.splits_floats = true;
    tiles.fewest_kept_rows = 224;   // tiles multiply so fast that fewer would wait for panels
    tiles.matmul = cpu::avx512::matmul_in_tiles;
    tiles.attention = cpu::avx512::attention_in_tiles;
    tiles.attention_step = cpu::avx512::attention_step_in_tiles;
    tiles.attention_part = cpu::avx512::attention_part_in_tiles;
    tiles.attention_backward = cpu::avx512::attention_backward_in_tiles;
    tiles.peak_bf16 = cpu::avx512::peak_bf16_in_tiles;
    tiles.peak_int8 = cpu::avx512::peak_int8_in_tiles;
  }
  classes.push_back({filled("avx512", cpu::avx512::fill, avx512), avx512});
  classes.push_back({tiles, amx});
#endif
  return classes;
}
#elif defined(__aarch64__)
// Every aarch64 processor has NEON.
std::vector<KernelClass> make_classes() {
  return {{reference_table<float>(), true}, {filled("neon", cpu::neon::fill, true), true}};
}
#else
std::vector<KernelClass> make_classes() { return {{reference_table<float>(), true}}; }
#endif

const std::vector<KernelClass>& classes() {
  static const std::vector<KernelClass> all = make_classes();
  return all;
}

// By measurement, product by product; but tiles, which sum in another order, are taken where there are any: what gives other bits is not left
// to the clock. Their class multiplies all else as avx512 does, which need not be asked too.
Kernels<float> fastest() {
  std::vector<const Kernels<float>*> classes = runnable_kernels();
  if (classes.size() > 1) classes.erase(classes.begin());   // the references
  const bool tiles = std::string_view(classes.back()->name) == "amx";
  if (tiles) classes.erase(classes.end() - 2);
  return with_fastest_products(classes, tiles);
}

Kernels<float> choose() {
  const char* wanted = std::getenv("ORRERY_KERNELS");
  if (wanted == nullptr || *wanted == '\0') return fastest();
  std::string known;
  for (const KernelClass& one : classes()) {
    if (std::string_view(one.table.name) == wanted) {
      if (one.runs_here) return one.table;
      throw Error{ErrorKind::unsupported, std::string("this processor cannot run the ") + wanted + " kernels",
                  "environment variable ORRERY_KERNELS", "unset it: the best class is chosen by itself"};
    }
    known += std::string(known.empty() ? "" : ", ") + one.table.name;
  }
  throw Error{ErrorKind::bad_usage, std::string("unknown class of kernels '") + wanted + "'",
              "environment variable ORRERY_KERNELS", "it may be one of " + known};
}

}  // namespace

template <class T>
const Kernels<T>& reference_kernels() {
  static const Kernels<T> table = reference_table<T>();
  return table;
}
template const Kernels<float>& reference_kernels<float>();
template const Kernels<double>& reference_kernels<double>();

const Kernels<float>& kernels() {
  static const Kernels<float> chosen = choose();
  return chosen;
}

std::vector<const Kernels<float>*> runnable_kernels() {
  std::vector<const Kernels<float>*> found;
  for (const KernelClass& one : classes())
    if (one.runs_here) found.push_back(&one.table);
  return found;
}

template <>
const Kernels<float>& kernels_for<float>() {
  return kernels();
}
template <>
const Kernels<double>& kernels_for<double>() {
  return reference_kernels<double>();
}

}  // namespace orrery
