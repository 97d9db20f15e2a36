// The texts of a file, one after the other, however large the file is.
//
//   FILE.jsonl   a record a line, {"text": …}
//   other files  parted by lines <|endoftext|>; a part of more than a megabyte comes in stretches that begin with a line's
//                end, where no pre-tokeniser joins what stands on both sides
#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

#include "base/error.h"

namespace orrery {

// read(text, bytes of the file read so far)
Status read_texts(const std::filesystem::path& file, const std::function<void(std::string_view, uint64_t)>& read);

}  // namespace orrery
