#include "graph/builder.h"

#include "graph/op.h"

namespace orrery {

const Dims& Value::dims() const { return builder->graph().values[size_t(id)].dims; }

Value Sequences::positions() const {
  return builder->node(positions_op(), {}, {{"space", int64_t(symbol)}});
}

Value Sequences::first_rows() const { return builder->node(boundary_rows_op(), {}, {{"space", int64_t(symbol)}, {"last", int64_t(0)}}); }
Value Sequences::first_rows(Sequences as) const {
  return builder->node(boundary_rows_op(), {}, {{"space", int64_t(symbol)}, {"last", int64_t(0)}, {"as", int64_t(as.symbol)}});
}
Value Sequences::last_rows() const { return builder->node(boundary_rows_op(), {}, {{"space", int64_t(symbol)}, {"last", int64_t(1)}}); }

Scope Scope::operator/(std::string_view name) const {
  return Scope(*builder_, path_.empty() ? std::string(name) : path_ + "." + std::string(name), site_);
}
Value Scope::weight(const std::string& name, std::vector<int64_t> shape) const {
  return builder_->weight(path_.empty() ? name : path_ + "." + name, std::move(shape));
}
Value Scope::name(const std::string& what, Value value) const {
  builder_->graph().values[size_t(value.id)].name = site_.empty() ? what : site_ + "." + what;
  return value;
}

Sequences Builder::sequences(const std::string& name) { return {this, graph_->symbol(name)}; }

Inputs Builder::inputs(const std::string& space) {
  Inputs in;
  in.sequences = sequences(space);
  in.ids = input_indices(space == "tokens" ? "ids" : space + ".ids", space);
  in.positions = in.sequences.positions();
  return in;
}

Value Builder::input(const std::string& name, Dims dims, Element element) {
  ValueInfo value;
  value.name = name;
  value.dims = std::move(dims);
  value.element = element;
  value.kind = ValueKind::input;
  graph_->values.push_back(std::move(value));
  return {this, int(graph_->values.size()) - 1};
}

Value Builder::input_rows(const std::string& name, const std::string& symbol, int64_t width) {
  return input(name, {Dim{1, graph_->symbol(symbol)}, Dim{width, -1}});
}

Value Builder::input_indices(const std::string& name, const std::string& symbol) {
  return input(name, {Dim{1, graph_->symbol(symbol)}}, Element::index);
}

Value Builder::weight(const std::string& name, std::vector<int64_t> shape) {
  Dims dims;
  for (int64_t size : shape) dims.push_back({size, -1});
  for (size_t i = 0; i < graph_->values.size(); ++i) {
    if (graph_->values[i].kind != ValueKind::weight || graph_->values[i].name != name) continue;
    if (graph_->values[i].dims != dims)
      throw Error{ErrorKind::bad_usage, "weight '" + name + "' is used as " + graph_->shape_text(dims) + " and as " + graph_->shape_text(graph_->values[i].dims), "model graph"};
    return {this, int(i)};
  }
  ValueInfo value;
  value.name = name;
  value.dims = std::move(dims);
  value.kind = ValueKind::weight;
  graph_->values.push_back(std::move(value));
  return {this, int(graph_->values.size()) - 1};
}

void Builder::output(const std::string& name, Value value) { graph_->outputs[name] = value.id; }

std::vector<Scope> Builder::layers(const std::string& path, int64_t count, const std::string& site_prefix) {
  std::vector<Scope> scopes;
  for (int64_t i = 0; i < count; ++i)
    scopes.emplace_back(*this, path + "." + std::to_string(i), site_prefix + "layers." + std::to_string(i));
  return scopes;
}

std::vector<Value> Builder::node_outputs(const Op& op, std::vector<Value> inputs, Attributes attributes, std::shared_ptr<const void> payload) {
  std::vector<int> ids;
  for (const Value& input : inputs) ids.push_back(input.id);
  const int index = graph_->append(op, std::move(ids), std::move(attributes), std::move(payload));
  std::vector<Value> outputs;
  for (int id : graph_->nodes[size_t(index)].outputs) outputs.push_back({this, id});
  return outputs;
}

Value Builder::node(const Op& op, std::vector<Value> inputs, Attributes attributes, std::shared_ptr<const void> payload) {
  return node_outputs(op, std::move(inputs), std::move(attributes), std::move(payload)).front();
}

}  // namespace orrery
