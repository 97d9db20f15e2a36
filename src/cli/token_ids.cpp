#include "cli/token_ids.h"

#include "base/error.h"

namespace orrery::cli {

std::vector<int32_t> token_ids(const std::vector<int64_t>& ids, const std::string& where) {
  std::vector<int32_t> checked;
  for (const int64_t id : ids) {
    if (id < 0 || id > INT32_MAX)
      throw Error{ErrorKind::out_of_range, "token id " + std::to_string(id) + " at position " + std::to_string(checked.size()) + ": ids are 0 to " + std::to_string(INT32_MAX), where};
    checked.push_back(int32_t(id));
  }
  return checked;
}

}  // namespace orrery::cli
