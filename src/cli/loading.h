// What commands read: models and tokenizers by the MODEL of the command line, and texts from files.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "chat/template_files.h"
#include "cli/context.h"
#include "models/model.h"
#include "tokenize/tokenizer.h"

namespace orrery::cli {

// --dtype and --kv-dtype. Throws Error where this build cannot do what is asked for.
LoadOptions load_options(const Context& context);
DType kv_dtype(const Context& context);

// Warns where the config names code to fetch: it is never run.
Model load_model(const Context& context, const std::string& model);
// `ranks` is for rank files of tiktoken whose name is not known.
Tokenizer load_tokenizer(const std::string& model, const std::optional<RankOptions>& ranks = {});
// --pattern and --special-tokens, which say what a rank file does not: the second is JSON, or a file of it. Nothing where neither is given.
std::optional<RankOptions> rank_options(const std::string& pattern, const std::string& special_tokens);
// load_tokenizer, and throws Error where the model has no embedding for all its ids.
Tokenizer load_tokenizer(const std::string& model, const Model& loaded);
// Nothing where the model has no tokenizer at all.
std::optional<Tokenizer> find_tokenizer(const std::string& model);

// The chat templates of a folder, of the folder that a file lies in, or of a GGUF file itself.
Result<chat::ChatFiles> chat_files(const std::filesystem::path& path);

// The warning about a config.json that names code to fetch.
void warn_of_code(const Context& context, const Json& config, const std::filesystem::path& folder);

// A whole file; "-" is standard input.
std::string read_text(const std::filesystem::path& file);
// Its lines without their ends: "\n" or "\r\n". The last line need not have one.
std::vector<std::string> lines_of(const std::string& text);

// The texts of a command that takes TEXT, or --file F, whole or with --lines one a line. Throws Error where neither is there.
std::vector<std::string> given_texts(const std::optional<std::string>& text, const std::filesystem::path& file, bool lines);

// "12.3 MB", in powers of 1000.
std::string bytes_text(int64_t bytes);
// "1.2 million", "260 thousand"
std::string count_text(double count);
// A token as one line: control characters and invalid bytes escaped.
std::string printable(std::string_view text);

}  // namespace orrery::cli
