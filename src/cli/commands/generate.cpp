// `orrery generate MODEL -p TEXT`: continues prompts, streaming.
#include "generate/generator.h"
#include "inspect/interventions.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "cli/chat_prompt.h"
#include "cli/command.h"
#include "cli/loading.h"
#include "cli/token_ids.h"

namespace orrery::cli::commands {
namespace {
struct GenerateOptions {
  std::string model;
  std::optional<std::string> prompt;
  std::vector<int64_t> prompt_ids;
  std::filesystem::path jsonl;
  std::optional<int64_t> logprobs;
  int64_t batch = 8;
  static constexpr auto about = describe(
      "generate", "", option(&GenerateOptions::model, "model", kModelHelp, positional(), required()),
      option(&GenerateOptions::prompt, "prompt", "The text to continue, - for standard input; without one, the model starts a text.", short_flag('p'), unit("TEXT"), suggested()),
      option(&GenerateOptions::prompt_ids, "prompt_ids", "The prompt as token ids: 1,2,3.", unit("IDS")),
      option(&GenerateOptions::jsonl, "jsonl", "A prompt a line: a string, or an object with \"prompt\", \"input\", \"text\", \"prompt_ids\" or \"messages\"; - is standard input.",
             unit("FILE")),
      option(&GenerateOptions::logprobs, "logprobs",
             "Tell the log-probability of each token and the N likeliest in its place; shown as percentages beside the text.", in_range(0, 1000), unit("N")),
      option(&GenerateOptions::batch, "batch", "The most prompts that are continued at the same time.", in_range(1, 4096)));
};

// A prompt that is a conversation, which the model's chat template makes a text of.
struct ChatOptions {
  bool chat = false, continue_final_message = false;
  std::filesystem::path messages;
  std::optional<std::string> system;
  std::string chat_template, allow_special = "none";
  static constexpr auto about = describe(
      "chat", "A conversation",
      option(&ChatOptions::chat, "chat", "The prompt is a user's message, which the model's chat template makes a text of. What it says never becomes a control token, except with --allow-special all."),
      option(&ChatOptions::messages, "messages", "Answer this conversation: a JSON list of messages, or an object with \"messages\"; - is standard input.", unit("FILE"), suggested()),
      option(&ChatOptions::system, "system", "A system message before the user's.", unit("TEXT")),
      option(&ChatOptions::chat_template, "chat_template", "One of the model's chat templates by its name, or a file of one.", unit("NAME")),
      option(&ChatOptions::continue_final_message, "continue_final_message", "Go on with the last message of the conversation."),
      option(&ChatOptions::allow_special, "allow_special", "Which special tokens are read where their names stand in a conversation.", one_of("all", "none")));

  bool is_chat() const { return chat || !messages.empty() || system || !chat_template.empty(); }
};

// What prompts are made with.
struct PromptReader {
  const GenerateOptions& options;
  const ChatOptions& chat;
  const Tokenizer* tokenizer;
  ChatPrompts* conversations;   // null where there is no tokenizer

  std::vector<int32_t> of_text(const std::string& text) const;
  std::vector<int32_t> of_conversation(const std::string& json, const std::string& where) const;
  std::vector<int32_t> of_record(const std::string& line, const std::string& where) const;
};

std::vector<int32_t> encode_prompt(const Tokenizer* tokenizer, const std::string& text, const std::string& model) {
  if (text.empty() && !tokenizer) return {};
  if (!tokenizer) throw Error{ErrorKind::not_found, "the model has no tokenizer to read a text with", model, "give the prompt as --prompt-ids 1,2,3"};
  return tokenizer->encode_ids(text);
}

std::vector<int32_t> ids_of_list(const Json& list, const char* key, const std::string& where) {
  std::vector<int64_t> ids;
  const bool good = list.is_array() && std::all_of(list.begin(), list.end(), [](const Json& id) { return id.is_number_integer(); });
  if (!good) throw Error{ErrorKind::bad_file, std::string("\"") + key + "\" is not a list of whole numbers", where};
  for (const Json& id : list) ids.push_back(id.get<int64_t>());
  return token_ids(ids, where);
}

std::vector<int32_t> PromptReader::of_text(const std::string& text) const {
  if (!chat.is_chat()) return encode_prompt(tokenizer, text, options.model);
  if (!conversations) throw Error{ErrorKind::not_found, "the model has no tokenizer to read a conversation with", options.model};
  return conversations->of(one_message(text, chat.system)).prompt.ids;
}

std::vector<int32_t> PromptReader::of_conversation(const std::string& json, const std::string& where) const {
  if (chat.system) throw Error{ErrorKind::bad_usage, "a conversation has its own system message", "--system", "it goes before the message of -p"};
  if (!conversations) throw Error{ErrorKind::not_found, "the model has no tokenizer to read a conversation with", options.model};
  chat::Conversation conversation = chat::read_conversation(json, where).value();
  if (chat.continue_final_message && conversation.continue_field.empty()) conversation.continue_field = "content";
  conversation.add_generation_prompt = conversation.continue_field.empty();
  return conversations->of(std::move(conversation)).prompt.ids;
}

// The prompt of one line of --jsonl.
std::vector<int32_t> PromptReader::of_record(const std::string& line, const std::string& where) const {
  const Json record = parse_json(line, where).value();
  if (record.is_string()) return of_text(record.get<std::string>());
  if (record.is_object()) {
    if (record.contains("messages")) return of_conversation(line, where);
    for (const char* key : {"prompt_ids", "ids"})
      if (const auto found = record.find(key); found != record.end()) return ids_of_list(*found, key, where);
    for (const char* key : {"prompt", "input", "text"})   // records of pairs have an input, as ids or as text
      if (const auto found = record.find(key); found != record.end()) {
        if (found->is_string()) return of_text(found->get<std::string>());
        if (found->is_array()) return ids_of_list(*found, key, where);
      }
  }
  throw Error{ErrorKind::bad_file, "a record has neither \"prompt\", \"input\", \"text\", \"messages\" nor \"prompt_ids\"", where};
}

std::vector<Prompt> read_prompts(const Context& context, const PromptReader& reader) {
  const OptionSet& set = context.options();
  const GenerateOptions& options = reader.options;
  if (int(options.prompt.has_value()) + int(set.given("prompt_ids")) + int(!options.jsonl.empty()) + int(!reader.chat.messages.empty()) > 1)
    throw Error{ErrorKind::bad_usage, "--prompt, --prompt-ids, --jsonl and --messages exclude each other", "orrery generate"};
  if (set.given("prompt_ids") && reader.chat.is_chat()) throw Error{ErrorKind::bad_usage, "a conversation is text, not ids", "--prompt-ids"};
  if (reader.chat.continue_final_message && options.jsonl.empty() && reader.chat.messages.empty())
    throw Error{ErrorKind::bad_usage, "there is no message to go on with", "--continue-final-message", "--messages FILE reads a conversation"};
  std::vector<Prompt> prompts;
  if (!reader.chat.messages.empty()) {
    const std::filesystem::path& file = reader.chat.messages;
    prompts.push_back({reader.of_conversation(read_text(file), file == "-" ? "standard input" : file.string())});
    return prompts;
  }
  if (options.jsonl.empty()) {
    if (reader.chat.is_chat() && !options.prompt) throw Error{ErrorKind::bad_usage, "there is no message to answer", "--chat", "give -p TEXT, or a conversation by --messages FILE"};
    prompts.push_back({set.given("prompt_ids") ? token_ids(options.prompt_ids, "--prompt-ids") : reader.of_text(options.prompt.value_or(""))});
    return prompts;
  }
  int64_t number = 0;
  for (const std::string& line : lines_of(read_text(options.jsonl))) {
    const std::string where = options.jsonl.string() + ", line " + std::to_string(++number);
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    try {
      prompts.push_back({reader.of_record(line, where), uint32_t(prompts.size())});
    } catch (Error& error) {
      if (error.where.empty()) error.where = where;
      throw;
    }
  }
  return prompts;
}

Json log_prob_json(const LogProb& p, const Tokenizer* tokenizer) {
  return {{"id", p.id}, {"token", tokenizer ? Json(tokenizer->token_of(p.id).value_or("")) : Json()}, {"logprob", p.value}};
}

Json generation_json(const Generation& made, const Tokenizer* tokenizer) {
  Json json = {{"text", made.text},
               {"ids", made.ids},
               {"finish_reason", name_of(made.finish_reason)},
               {"prompt_tokens", made.prompt_tokens},
               {"generated_tokens", made.ids.size()},
               {"seconds", made.seconds}};
  if (made.log_probs.empty()) return json;
  Json list = Json::array();
  for (const TokenLogProbs& one : made.log_probs) {
    Json entry = log_prob_json(one.token, tokenizer);
    entry["top_logprobs"] = Json::array();
    for (const LogProb& top : one.top) entry["top_logprobs"].push_back(log_prob_json(top, tokenizer));
    list.push_back(std::move(entry));
  }
  json["logprobs"] = std::move(list);
  return json;
}

// 0.97 as "⁹⁷": the probability of a token in percent, small, behind it.
std::string percent_above(double log_prob) {
  constexpr const char* kDigits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string text;
  for (const char digit : std::to_string(int(std::lround(100 * std::exp(log_prob))))) text += kDigits[digit - '0'];
  return text;
}

// What is shown of a token while it streams.
std::string shown(const Piece& piece, const Tokenizer* tokenizer, bool colours) {
  std::string text = tokenizer ? std::string(piece.text) : std::to_string(piece.id) + " ";
  if (!piece.log_probs) return text;
  const std::string percent = percent_above(piece.log_probs->token.value);
  // The percentage stands before line ends, where it belongs to what is seen; a token of which nothing is seen has a sign.
  const size_t end = text.find_last_not_of('\n') + 1;
  const std::string seen = end > 0 ? text.substr(0, end) : text.empty() ? "·" : "↵";
  return seen + (colours ? "\033[2m" + percent + "\033[0m" : percent) + text.substr(end);
}

// One prompt, read along.
void stream_one(Context& context, Generator& generator, const std::vector<Prompt>& prompts, const Tokenizer* tokenizer, const std::optional<std::string>& text) {
  const bool colours = context.out().is_terminal();
  if (colours && text) context.out().text("\033[2m" + *text + "\033[0m");
  generator.run(prompts, {.piece = [&](const Piece& piece) { context.out().text(shown(piece, tokenizer, colours)); }});
  context.out().line("");
}

// A line for each prompt, in the order of the prompts, as soon as those before it are done.
void write_all(Context& context, Generator& generator, const std::vector<Prompt>& prompts, const Tokenizer* tokenizer) {
  std::vector<std::optional<std::string>> lines(prompts.size());
  size_t written = 0;
  int64_t done = 0;
  Progress progress = context.progress("generating", int64_t(prompts.size()), "prompts");
  generator.run(prompts, {.finished = [&](size_t prompt, const Generation& made) {
                  lines[prompt] = context.json() ? to_line(generation_json(made, tokenizer)) : printable(made.text);
                  progress.update(++done);
                  for (; written < lines.size() && lines[written]; ++written) {
                    progress.clear();
                    context.out().line(*std::exchange(lines[written], std::string()));
                  }
                }});
}

void run(Context& context, GenerateOptions& options, ChatOptions& chat, InterventionOptions& interventions, GenerationConfig& config) {
  if (options.prompt == "-") {
    options.prompt = read_text("-");
    if (options.prompt->ends_with('\n')) options.prompt->pop_back();
  }
  Model model = load_model(context, options.model);
  const std::optional<Tokenizer> found = find_tokenizer(options.model);
  const Tokenizer* tokenizer = found ? &*found : nullptr;
  config.read_defaults(model.generation_config(), (model.folder() / "generation_config.json").string(), &context.options()).value();
  for (const std::string& name : GenerationConfig::not_followed(model.generation_config())) context.warn("generation_config.json asks for " + name + ", which is not followed");
  config.seed = context.globals().seed;
  config.end_ids = end_of_text(model, tokenizer);
  std::optional<ChatPrompts> conversations;
  if (tokenizer) conversations.emplace(context, *tokenizer, options.model, chat.chat_template, chat.allow_special == "all");
  const std::vector<Prompt> prompts = read_prompts(context, {options, chat, tokenizer, conversations ? &*conversations : nullptr});
  // Room for the longest text that can come of these prompts, not for all that the model could hold.
  int64_t positions = 1, sources = 1;
  std::vector<int64_t> lengths, source_lengths;
  for (const Prompt& prompt : prompts) {
    sources = std::max(sources, int64_t(prompt.ids.size()));
    source_lengths.push_back(int64_t(prompt.ids.size()));
    const int64_t count = model.config().encoder_decoder ? 1 : std::max<int64_t>(1, int64_t(prompt.ids.size()));
    lengths.push_back(count);
    positions = std::max(positions, count + std::max<int64_t>(0, config.new_tokens(count, model.config().max_positions) - 1));
  }
  const int64_t batch = std::min<int64_t>(options.batch, std::max<int64_t>(1, int64_t(prompts.size())));
  const Interventions changes = read_interventions(interventions, model, context.pool(), tokenizer, kv_dtype(context));
  Engine engine(model, context.pool(), {.max_batch = batch, .max_positions = std::min(positions, model.config().max_positions), .source_positions = sources, .kv_dtype = kv_dtype(context), .sites = changes.sites(), .interventions = changes.table(lengths, source_lengths)});
  Generator generator(engine, tokenizer, config, options.logprobs);
  if (!context.json() && prompts.size() == 1) stream_one(context, generator, prompts, tokenizer, chat.is_chat() ? std::nullopt : options.prompt);
  else write_all(context, generator, prompts, tokenizer);
  if (config.end_ids.empty() && !config.ignore_eos && config.stop_strings.empty())
    context.warn("only --max-new-tokens ends the text: the model names no eos_token_id (" + model.folder().string() + ")");
}
}  // namespace

const Command& generate() {
  static const Command command{"generate",
                               "Continue a prompt.",
                               {"orrery generate storyteller -p 'Once upon a time'", "orrery generate storyteller -p 'Once upon a time' --temperature 0.8 --seed 7",
                                "orrery generate storyteller --messages examples/chat/chat.json --chat-template examples/chat/plain.jinja --max-new-tokens 20",
                                "orrery generate storyteller -p 'Once upon a time, there was a girl' --max-new-tokens 20 --logprobs 3 --json",
                                "orrery generate storyteller -p 'Once upon a time, there was a girl' --ablate 'layers.*.heads.3' --max-new-tokens 20"},
                               run};
  return command;
}
}  // namespace orrery::cli::commands
