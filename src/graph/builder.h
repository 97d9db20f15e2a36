// Writing a model: values, scopes and the ops as functions on values.
//
//   Graph graph;
//   Builder g(graph);
//   Inputs in = g.inputs();                                      // ids and positions over the row space "tokens"
//   Value x = embedding(g.weight("wte.weight", {vocab, hidden}), in.ids);   // [tokens, hidden]
//   x = x + gelu(linear(g.at("fc"), x, inner));
//   g.output("logits", x);
//
// Shapes are inferred while building; a mistake throws at the line that made it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "kernels/elementwise.h"
#include "kernels/rotary.h"
#include "tensor/tensor.h"

namespace orrery {

class Builder;

// A handle on a value of a graph under construction.
struct Value {
  Builder* builder = nullptr;
  int id = -1;
  explicit operator bool() const { return id >= 0; }
  const Dims& dims() const;
  Dim last() const { return dims().back(); }
  int64_t width() const { return dims().back().factor; }  // of a fixed last axis
};

// A typed row space: the symbol that counts its rows.
struct Sequences {
  Builder* builder = nullptr;
  int symbol = -1;
  Value positions() const;       // i32 [rows]: each row's position in its own sequence
  Value first_rows() const;      // i32 [sequences]: the row where each sequence begins
  Value first_rows(Sequences as) const;   // the same, counted as the sequences of another space, which has as many
  Value last_rows() const;       // i32 [sequences]: and where it ends
};

// A place in the checkpoint's naming ("transformer.h.0.attn"), and in ours ("layers.0").
class Scope {
 public:
  Scope(Builder& builder, std::string path, std::string site) : builder_(&builder), path_(std::move(path)), site_(std::move(site)) {}
  Scope operator/(std::string_view name) const;
  Builder& builder() const { return *builder_; }
  const std::string& path() const { return path_; }
  const std::string& site() const { return site_; }
  Value weight(const std::string& name, std::vector<int64_t> shape) const;   // path.name
  // Names a value "layers.0.q": the word by which taps and interventions find it. Returns the value.
  Value name(const std::string& what, Value value) const;

 private:
  Builder* builder_;
  std::string path_, site_;
};

struct Inputs {
  Sequences sequences;
  Value ids;          // i32 [tokens]
  Value positions;    // i32 [tokens]
  const Inputs* source = nullptr;   // of an encoder-decoder: the rows of the text that the encoder reads
};

class Builder {
 public:
  explicit Builder(Graph& graph) : graph_(&graph) {}

  Graph& graph() { return *graph_; }
  Sequences sequences(const std::string& name = "tokens");
  Inputs inputs(const std::string& space = "tokens");              // ids and positions of one row space
  Value input(const std::string& name, Dims dims, Element element = Element::real);
  // [rows of the symbol, width]
  Value input_rows(const std::string& name, const std::string& symbol, int64_t width);
  Value input_indices(const std::string& name, const std::string& symbol);
  Value weight(const std::string& name, std::vector<int64_t> shape);  // declared once; asked for again, the same value
  void output(const std::string& name, Value value);

  Scope at(const std::string& path, const std::string& site = "") { return Scope(*this, path, site); }
  // The scopes path.0, path.1, … with sites layers.0, layers.1, … (after site_prefix)
  std::vector<Scope> layers(const std::string& path, int64_t count, const std::string& site_prefix = "");

  Value node(const Op& op, std::vector<Value> inputs, Attributes attributes = {}, std::shared_ptr<const void> payload = nullptr);
  std::vector<Value> node_outputs(const Op& op, std::vector<Value> inputs, Attributes attributes = {},
                                  std::shared_ptr<const void> payload = nullptr);
  int next_stream() { return graph_->streams++; }   // numbers dropout nodes
  int next_slot() { return graph_->slots++; }      // numbers cached attentions
  int next_source_slot() { return graph_->source_slots++; }   // and those that look at another row space

 private:
  Graph* graph_;
};

// ---- ops as functions -------------------------------------------------------------------------------------------------
// Elementwise: the shapes agree, or b is one row [cols] that is used for every row of a.
Value operator+(Value a, Value b);
Value operator-(Value a, Value b);
Value operator*(Value a, Value b);
Value operator/(Value a, Value b);
Value operator*(Value a, double factor);
Value operator+(Value a, double offset);
Value unary(Unary kind, Value x);
Value gated(Unary kind, Value gate, Value up);                     // f(gate) * up
Value maxout(Value x);                                             // the larger of each pair of columns: [rows, cols / 2]
Value dropout(Value x, Sequences rows, double probability);        // x itself where the probability is 0

// x [rows, k] W^T + b: weight [n, k] as in torch.nn.Linear, or [k, n] where `transposed` (GPT-2's Conv1D); bias optional.
Value linear(Value x, Value weight, std::optional<Value> bias = std::nullopt, bool transposed = false);
Value matmul(Value a, Value b, bool transpose_a = false, bool transpose_b = false);  // of two computed matrices
Value embedding(Value table, Value ids, std::optional<int32_t> padding = std::nullopt);   // [rows, width]; padding's row learns nothing
Value layer_norm(Value x, Value weight, std::optional<Value> bias, double eps);
Value rms_norm(Value x, Value weight, double eps, double offset = 0);
Value softmax(Value x);                                            // over the last axis
Value select_rows(Value x, Value indices);                         // rows of x by index: [indices, width]
Value mean_rows(Value x, Sequences rows);                          // mean of each sequence: [sequences, width]
std::vector<Value> split_columns(Value x, std::vector<int64_t> widths);
Value concat_columns(std::vector<Value> parts);
Value sum_all(Value x);                                            // [1]
// A fixed table looked up by index, such as sinusoidal positions. f32 [entries, width].
Value constant_table(Tensor table, Value indices);
Value transpose(Value x);                                          // [m, n] -> [n, m]

// A mixture of experts. Each row goes to the k experts of largest probability; rows are then sorted by expert, so that an
// expert's products run over its own rows alone.
struct Routing {
  Value weights;               // [rows, experts]: of the k chosen, summing to one; 0 for the others
  Value source, expert;        // i32 [k * rows]: whose row it is, and the expert it goes to; by expert, then by row
};
Routing route(Value probs, int64_t k);                             // probs [rows, experts]
Value expert_linear(Value routed, const Routing& routing, std::vector<Value> weights);   // row by its expert's W [n, width]
Value combine_experts(Value routed, const Routing& routing);       // weighted sums, back at each row: [rows, width]
// coefficient * (labels that are scored) * experts * sum over experts of (share of the choices) * (mean probability), over
// all rows of all layers. [1]
Value load_balance(std::vector<Value> probs, Value labels, int64_t k, double coefficient);

struct RotaryTable {           // cos and sin for each position: made when the plan is compiled, for its longest position
  int64_t head_dim = 0, rotary_dim = 0;
  std::vector<double> inverse_frequencies;   // [rotary_dim / 2]
  double attention_factor = 1;               // multiplies both (yarn, longrope)
  RotaryLayout layout = RotaryLayout::half_split;
  int64_t max_positions = 0;                 // the table's length
};
Value rotary(Value x, Value positions, std::shared_ptr<const RotaryTable> table);   // x [rows, heads * head_dim]

struct AttentionOptions {
  int64_t num_heads = 1, num_kv_heads = 1, head_dim = 1;
  double scale = 0;            // 0: 1 / sqrt(head_dim)
  bool causal = false;
  int64_t window = 0;
  double dropout = 0;          // of the pattern, in training
  Value bias = {};             // [num_heads, 2 reach + 1]: added to the scores by the distance of key and query (relative_bias)
  Value sinks = {};            // [num_heads]: logits that take their share of the softmax and have no value
  int64_t sink_tokens = 0;     // with a window: the first keys, which stay seen
  double softcap = 0;          // scores become softcap tanh(score / softcap)
  double alibi = 0;            // ALiBi: heads' slopes fall from 2^(-alibi / heads) to 2^-alibi (8 in Press et al. 2022)
};
// q [rows, heads * head_dim], k and v [key rows, kv_heads * head_dim]; query i-th sequence looks at the i-th key sequence.
Value attention(Value q, Value k, Value v, Sequences queries, Sequences keys, const AttentionOptions& options);

// A query looks at all of its sequence's keys by a small network: score = v . tanh(q + key), softmax, and the values' mean by
// it. q [query rows, dim], keys [key rows, dim], values [key rows, width], v [dim] -> [query rows, width]
Value additive_attention(Value q, Value keys, Value values, Value v);
Value additive_pattern(Value q, Value keys, Value v);              // the softmax itself: [query rows, 1, keys]
// The bias of T5 by buckets of distances: table [buckets, heads] -> [heads, 2 max_distance + 1]. Raffel et al. 2020, 2.1.
// `both_ways`: keys before and after the query have buckets of their own; else those after share the bucket of distance 0.
Value relative_bias(Value table, bool both_ways, int64_t max_distance);

// Sum over rows of the cross-entropy of logits [rows, vocab] against labels i32 [rows]; negative labels are ignored. [1]
Value cross_entropy(Value logits, Value labels, double label_smoothing = 0);

// A recurrence over the rows of each sequence. The body is a graph over the row space "step" with inputs "carry.0", …
// and "row.0", … and outputs of the same names "carry.0", … and "out.0", …; weights are found by name.
// Returns the row outputs, each [rows, width]. Carries start at zero, or from `initial` [sequences, width].
// The body may look at all rows of another space, its inputs "memory.0", … over the row space "memory": then "step" and
// "memory" hold the sequences of this step, one row of each and all that belongs to it.
struct ScanBody {
  Graph graph;
  std::vector<int64_t> carry_widths, out_widths;
};
struct ScanOptions {
  std::vector<Value> initial = {}, memory = {};
  bool reverse = false;        // from each sequence's last row to its first
};
std::vector<Value> scan(std::shared_ptr<const ScanBody> body, std::vector<Value> rows, Sequences sequences, const ScanOptions& options = {});

}  // namespace orrery
