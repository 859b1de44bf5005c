#include <tillite/collection.h>

#include "base/json.h"
#include "embedding/embedder.h"
#include "embedding/query_text.h"
#include "library/source.h"

// The one place where a Result becomes an exception: a header for C++17 cannot name std::expected.

namespace tillite::v1 {
namespace {

ErrorCode public_code(Code code) {
  switch (code) {
    case Code::invalid_input:
    case Code::usage:
      return ErrorCode::invalid_input;
    case Code::not_found:
      return ErrorCode::not_found;
    case Code::corrupt:
      return ErrorCode::corrupt;
    case Code::limit_exceeded:
      return ErrorCode::limit_exceeded;
    case Code::no_space:
      return ErrorCode::no_space;
    case Code::unsupported:
      return ErrorCode::unsupported;
    case Code::permission:
      return ErrorCode::permission;
    case Code::conflict:
    case Code::unavailable:
    case Code::lock_held:
    case Code::lost_lease:
    case Code::cancelled:
    case Code::timed_out:
      return ErrorCode::unavailable;
    case Code::failed:
    case Code::internal:
      break;
  }
  return ErrorCode::internal;
}

template <typename T>
T value_or_throw(Result<T>&& result) {
  if (!result) throw Error(public_code(result.error().code()), result.error().message());
  return *std::move(result);
}

Value public_value(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (value.is_number()) return value.get<double>();
  return value.get<std::string>();
}

Record public_record(StoredRecord&& stored) {
  Record record;
  record.id = stored.id.str();
  record.document = std::move(stored.document);
  for (const auto& [key, value] : stored.metadata.items()) record.metadata.emplace(key, public_value(value));
  record.vector = std::move(stored.vector);
  return record;
}

Result<Json> parse_filter(const std::string& text, std::string_view name) {
  if (text.empty()) return Json(nullptr);
  return parse_json(text, name);
}

Result<Where> parse_where(const QueryOptions& options) {
  return Where::parse(TRY(parse_filter(options.where, "where")),
                      TRY(parse_filter(options.where_document, "where_document")));
}

Result<std::vector<float>> embed(std::string_view text, const Collection::Source::Facts& facts) {
  TRY(check_query_text(text));
  const NgramEmbedder embedder(facts.dimensions);
  if (facts.model == embedder.model()) return embedder.embed(text);
  return fail(Code::unsupported, "texts are embedded here by {}, the vectors of {} are of {}: give a vector",
              embedder.model(), facts.name, facts.model.empty() ? "a model that was not named" : facts.model);
}

Result<std::vector<QueryHit>> find_nearest(const Collection::Source& source, std::vector<float> vector,
                                           const QueryOptions& options) {
  return source.query(std::move(vector), options.k, TRY(parse_where(options)));
}

std::vector<Hit> public_hits(std::vector<QueryHit>&& found) {
  std::vector<Hit> hits;
  hits.reserve(found.size());
  for (QueryHit& hit : found) hits.push_back({public_record(std::move(hit.record)), hit.distance});
  return hits;
}

}  // namespace

Collection::Collection(std::unique_ptr<Source> source) : source_(std::move(source)) {}
Collection::Collection(Collection&& other) noexcept = default;
Collection& Collection::operator=(Collection&& other) noexcept = default;
Collection::~Collection() = default;

Collection Collection::open_home(const std::filesystem::path& home, std::string_view collection) {
  return Collection(value_or_throw(open_home_source(home, collection)));
}

Collection Collection::open_export(const std::filesystem::path& folder, std::string_view model) {
  return Collection(value_or_throw(open_export_source(folder, model)));
}

std::vector<Hit> Collection::query(std::string_view text, const QueryOptions& options) const {
  return query(value_or_throw(embed(text, source_->facts())), options);
}

std::vector<Hit> Collection::query(const std::vector<float>& vector, const QueryOptions& options) const {
  return public_hits(value_or_throw(find_nearest(*source_, vector, options)));
}

std::vector<Record> Collection::get(const std::vector<std::string>& ids, bool with_vectors) const {
  std::vector<RecordId> wanted;
  wanted.reserve(ids.size());
  for (const std::string& id : ids) wanted.emplace_back(id);
  std::vector<Record> records;
  for (StoredRecord& record : value_or_throw(source_->get(wanted, with_vectors))) {
    records.push_back(public_record(std::move(record)));
  }
  return records;
}

std::uint64_t Collection::size() const noexcept { return source_->facts().size; }
std::size_t Collection::dimensions() const noexcept { return source_->facts().dimensions; }
const std::string& Collection::name() const noexcept { return source_->facts().name; }
const std::string& Collection::model() const noexcept { return source_->facts().model; }

}  // namespace tillite::v1
