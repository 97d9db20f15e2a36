#include "train/adamw.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "kernels/kernels.h"

namespace orrery {

namespace {
constexpr int64_t kChunk = 1 << 16;   // elements of one task: fixed, so that sums do not hang on the threads
}

AdamW::AdamW(std::vector<Parameter>& parameters, double decay, ThreadPool& pool) : parameters_(parameters), decay_(decay), pool_(pool) {
  for (size_t p = 0; p < parameters.size(); ++p) {
    m_.push_back(Tensor::zeros(DType::f32, parameters[p].value.shape()));
    v_.push_back(Tensor::zeros(DType::f32, parameters[p].value.shape()));
    const int64_t count = parameters[p].value.numel();
    for (int64_t begin = 0; begin < count; begin += kChunk) chunks_.push_back({p, begin, std::min(kChunk, count - begin)});
  }
}

double AdamW::gradient_norm() const {
  std::vector<double> squares(chunks_.size());
  pool_.parallel(int64_t(chunks_.size()), [&](int64_t i) {
    const Chunk& chunk = chunks_[size_t(i)];
    squares[size_t(i)] = kernels().sum_squares(parameters_[chunk.parameter].gradient.data<float>() + chunk.begin, chunk.count);
  });
  double sum = 0;
  for (const double square : squares) sum += square;
  return std::sqrt(sum);
}

void AdamW::step(const AdamWStep& settings) {
  pool_.parallel(int64_t(chunks_.size()), [&](int64_t i) {
    const Chunk& chunk = chunks_[size_t(i)];
    Parameter& parameter = parameters_[chunk.parameter];
    AdamWStep own = settings;
    own.weight_decay = parameter.value.rank() >= 2 ? decay_ : 0.0;
    kernels().adamw(parameter.value.mutable_data<float>() + chunk.begin, parameter.gradient.data<float>() + chunk.begin,
                    m_[chunk.parameter].mutable_data<float>() + chunk.begin, v_[chunk.parameter].mutable_data<float>() + chunk.begin, chunk.count, own);
  });
}

std::vector<std::pair<std::string, Tensor>> AdamW::state() const {
  std::vector<std::pair<std::string, Tensor>> state;
  for (size_t p = 0; p < parameters_.size(); ++p) {
    state.emplace_back("m." + parameters_[p].name, m_[p]);
    state.emplace_back("v." + parameters_[p].name, v_[p]);
  }
  return state;
}

void AdamW::load_state(const std::vector<std::pair<std::string, Tensor>>& state) {
  std::map<std::string, Tensor> named(state.begin(), state.end());
  const auto load = [&](const std::string& name, Tensor& into) {
    const auto found = named.find(name);
    if (found == named.end() || found->second.shape() != into.shape() || found->second.dtype() != DType::f32)
      throw Error{ErrorKind::bad_file, "the optimizer's state has no fitting '" + name + "'", "optimizer.safetensors", "was it saved with other frozen weights?"};
    into = found->second.clone();
  };
  for (size_t p = 0; p < parameters_.size(); ++p) {
    load("m." + parameters_[p].name, m_[p]);
    load("v." + parameters_[p].name, v_[p]);
  }
}

int64_t AdamW::state_bytes() const {
  int64_t bytes = 0;
  for (const Tensor& tensor : m_) bytes += 2 * int64_t(tensor.bytes());
  return bytes;
}

}  // namespace orrery
