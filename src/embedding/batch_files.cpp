#include "embedding/batch_files.h"

#include <atomic>

#include "base/json.h"
#include "base/line_blocks.h"
#include "base/parallel.h"
#include "base/pipeline.h"
#include "ports/embedding_parameters.h"

namespace tillite {
namespace {

constexpr std::int64_t kDimensionsMax = 8192;
constexpr std::size_t kResultLineBytesMax = std::size_t{4} << 20;

/// A block of lines on its way: read, parsed, handed out. Used again for a later block.
struct ResultBlock {
  explicit ResultBlock(std::size_t dimensions) : reader(dimensions) {}

  ResultLineReader reader;
  std::string text;
  std::optional<Error> read_error;  ///< the file could not be read on; there is no text
  std::vector<BatchResult> results;
  std::size_t lines = 0;
  std::size_t unreadable_lines = 0;
  std::size_t first_unreadable = 0;  ///< from 1, in this block
  std::string why_unreadable;
};

Result<BatchResult> parse_line(std::string_view line, ResultLineReader& reader) {
  if (line.size() > kResultLineBytesMax) {
    return fail(Code::limit_exceeded, "it is longer than {} bytes", kResultLineBytesMax);
  }
  return reader.read(line);
}

void parse_block(ResultBlock& block) {
  block.results.clear();
  block.lines = block.unreadable_lines = 0;
  for (std::string_view rest = block.text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    ++block.lines;
    if (line.ends_with('\r') && line.size() <= kResultLineBytesMax) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
    auto result = parse_line(line, block.reader);
    if (result) {
      block.results.push_back(*std::move(result));
    } else if (block.unreadable_lines++ == 0) {
      block.first_unreadable = block.lines;
      block.why_unreadable = result.error().message();
    }
  }
}

/// Reads, parses and hands out the blocks of a file: parsing by several threads, the others in order and one at a time.
class ResultFile {
 public:
  ResultFile(ByteSource& file, std::size_t dimensions, const std::function<Result<void>(BatchResult&&)>& each,
             std::size_t threads)
      : lines_(file, kResultLineBytesMax), each_(each), threads_(threads) {
    for (std::size_t i = 0; i < threads_ + 1; ++i) blocks_.emplace_back(dimensions);
  }

  Result<ResultFileFacts> read() {
    const auto hand_out = [this](ResultBlock& block) {
      if (const auto handed_out = hand_out_block(block); !handed_out) stop(handed_out.error());
    };
    run_pipeline<ResultBlock>(blocks_, threads_, [this](ResultBlock& block) { return fill(block); },
                              {{.order = StageOrder::any, .work = parse_block}, {.work = hand_out}});
    if (failure_) return std::unexpected(*failure_);
    return facts_;
  }

 private:
  /// Reads the next lines; whether there are any, or an error that takes their place.
  bool fill(ResultBlock& block) {
    if (ended_) return false;
    const auto more = lines_.next(block.text);
    ended_ = !more || !*more;
    if (more) return *more;
    block.text.clear();
    block.read_error = more.error();
    return true;
  }

  Result<void> hand_out_block(ResultBlock& block) {
    if (failure_) return {};
    if (block.read_error) return std::unexpected(*block.read_error);
    if (facts_.unreadable_lines == 0 && block.unreadable_lines > 0) {
      facts_.first_unreadable = fmt::format("line {}: {}", lines_done_ + block.first_unreadable, block.why_unreadable);
    }
    facts_.unreadable_lines += block.unreadable_lines;
    facts_.results += block.results.size();
    lines_done_ += block.lines;
    for (BatchResult& result : block.results) TRY(each_(std::move(result)));
    return {};
  }

  void stop(const Error& error) {
    failure_ = error;
    ended_ = true;
  }

  LineBlocks lines_;
  const std::function<Result<void>(BatchResult&&)>& each_;
  std::size_t threads_;
  std::vector<ResultBlock> blocks_;
  std::atomic<bool> ended_ = false;  ///< nothing more is read
  std::size_t lines_done_ = 0;
  ResultFileFacts facts_;
  std::optional<Error> failure_;
};

}  // namespace

RequestBody request_body_of(const CollectionBinding& binding) {
  RequestBody body{.model = binding.model, .dimensions = std::nullopt};
  if (takes_dimensions(binding.model)) body.dimensions = binding.dimensions;
  return body;
}

std::string request_line(const RecordId& custom_id, std::string_view text, const RequestBody& body) {
  const auto quoted = [](std::string_view string) { return to_text(Json(string)); };
  const std::string dimensions = body.dimensions ? fmt::format(R"(, "dimensions": {})", *body.dimensions) : "";
  return fmt::format(
      R"({{"custom_id": {}, "method": "POST", "url": "/v1/embeddings", "body": {{"model": {}, "input": {}, "encoding_format": "base64"{}}}}})"
      "\n",
      quoted(custom_id.str()), quoted(body.model), quoted(text), dimensions);
}

Result<BatchRequest> parse_request_line(std::string_view line) {
  const Json json = TRY(parse_json(line, "the request"));
  const Json body = TRY(object_field(json, "body"));
  const std::string url = TRY(string_field(json, "url"));
  if (url != "/v1/embeddings")
    return fail(Code::invalid_input, "the field 'url' must be /v1/embeddings, but is {}", url.substr(0, 64));
  BatchRequest request;
  request.custom_id = TRY(string_field(json, "custom_id"));
  request.model = TRY(string_field(body, "model"));
  request.input = TRY(string_field(body, "input"));
  const std::string encoding = TRY(optional_string(body, "encoding_format")).value_or("float");
  if (encoding != "float" && encoding != "base64") {
    return fail(Code::invalid_input, "the field 'encoding_format' must be float or base64, but is '{}'",
                encoding.substr(0, 64));
  }
  request.base64 = encoding == "base64";
  if (const auto dimensions = TRY(optional_int(body, "dimensions"))) {
    if (*dimensions < 1 || *dimensions > kDimensionsMax) {
      return fail(Code::invalid_input, "the field 'dimensions' must be from 1 to {}, but is {}", kDimensionsMax,
                  *dimensions);
    }
    request.dimensions = static_cast<std::size_t>(*dimensions);
  }
  return request;
}

Result<ResultFileFacts> read_results(ByteSource& file, std::size_t dimensions,
                                     const std::function<Result<void>(BatchResult&&)>& each, std::size_t threads) {
  if (threads == 0) threads = machine_threads();
  return ResultFile(file, dimensions, each, threads).read();
}

}  // namespace tillite
