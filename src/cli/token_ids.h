// Token ids that a user gave, as models take them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace orrery::cli {

// --prompt-ids 1,2,3. Throws Error for a number that can be no id of any model; `where` names the flag or the record.
std::vector<int32_t> token_ids(const std::vector<int64_t>& ids, const std::string& where);

}  // namespace orrery::cli
