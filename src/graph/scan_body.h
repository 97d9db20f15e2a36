// Looking into a scan from outside: builder.h says what its body is.
#pragma once

#include <map>
#include <string>

#include "graph/builder.h"
#include "graph/op.h"

namespace orrery {

const ScanBody* body_of_scan(const Node& node);   // null where the node is no scan
// The rows and sequences that the body's runs may bring, where the scan's graph has these sizes.
std::map<std::string, int64_t> body_capacity(const Graph& graph, const Node& scan, const Sizes& sizes);

}  // namespace orrery
