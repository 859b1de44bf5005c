#include "steps/imports/migration.h"

#include <algorithm>

#include "base/hash.h"
#include "base/time.h"
#include "receipts/entity.h"
#include "steps/imports/row_types.h"
#include "vectors/files/hashed_sink.h"
#include "vectors/versions/keys.h"
#include "vectors/versions/publish_lock.h"

namespace tillite {
namespace {

constexpr std::size_t kRowsAtOnce = 500;
constexpr std::size_t kObjectsAtOnce = 1000;
constexpr std::size_t kObjectsBetweenCursors = 50;
constexpr std::size_t kPieceBytes = std::size_t{1} << 18;

ItemKey cursor_key() { return {"MIGRATION", "CURSOR"}; }

bool is_root(const ObjectKey& key) {
  return std::ranges::any_of(kEntities, [&](Entity entity) { return key == root_key(names_of(entity).collection); });
}

/// Where a copying stands: the parts come in a fixed order, and in each everything up to `after` is done.
struct Cursor {
  std::string source;
  std::string part;   ///< "rows RECEIPT_LINE", "objects vectors", ...; "done" at the end
  std::string after;  ///< a page's token, or the last object's key
  std::int64_t revision = 0;
};

Result<std::optional<Cursor>> read_cursor(Table& table) {
  const auto row = TRY(table.get(cursor_key()));
  if (!row) return std::optional<Cursor>();
  Cursor cursor;
  cursor.source = TRY(string_field(*row, "source"));
  cursor.part = TRY(string_field(*row, "part"));
  cursor.after = TRY(optional_string(*row, "after")).value_or("");
  cursor.revision = TRY(int_field(*row, "revision"));
  return std::optional(std::move(cursor));
}

/// The checksum of an object, read whole.
Result<std::string> hash_of(ObjectStore& store, const ObjectKey& key) {
  const auto source = TRY(store.open(key));
  ChecksumStream checksum;
  std::vector<std::byte> piece(kPieceBytes);
  while (true) {
    const auto size = TRY(source->read(piece));
    if (size == 0) return checksum.finish();
    checksum.update(std::span(std::as_const(piece)).first(size));
  }
}

/// The same while it is copied to a file.
Result<std::string> copy_to_file(ObjectStore& store, const ObjectKey& key, const Path& file) {
  const auto source = TRY(store.open(key));
  HashedSink sink(TRY(File::create(file)));
  std::vector<std::byte> piece(kPieceBytes);
  while (true) {
    const auto size = TRY(source->read(piece));
    if (size == 0) return sink.finish();
    TRY(sink.write(std::span(std::as_const(piece)).first(size)));
  }
}

/// A store that is copied, and what of it.
struct Objects {
  std::string name;
  ObjectStore& from;
  ObjectStore& to;
  bool roots = false;  ///< those that name what is active, and only those; else all others
};

class Migrating {
 public:
  Migrating(const Place& from, const Place& to, const MigrationOptions& options, Clock& clock, const Path& scratch,
            const Logger& log, const std::stop_token& stop)
      : from_(from), to_(to), options_(options), clock_(clock), scratch_(scratch), log_(log), stop_(stop) {
    types_.assign(kRowTypes.begin(), kRowTypes.end());
    for (const std::string& type : options.more_types) {
      if (type != kMigrationRowType && std::ranges::find(types_, type) == types_.end()) types_.push_back(type);
    }
  }

  Result<Migration> migrate() {
    for (const Entity entity : kEntities) TRY(check_nobody_publishes(from_.table, names_of(entity).collection, clock_));
    TRY(begin());
    migration_.was_complete = cursor_.part == "done";
    if (!options_.dry_run && !migration_.was_complete) {
      TRY(copy_all());
      TRY(move_cursor("done", ""));
    }
    TRY(count());
    return std::move(migration_);
  }

 private:
  Result<void> check_stop() const {
    if (stop_.stop_requested()) return fail(Code::cancelled, "stopped: the same command goes on from here");
    return {};
  }

  /// Finds the cursor of an earlier call, or that the target is empty and puts one there.
  Result<void> begin() {
    if (auto cursor = TRY(read_cursor(to_.table))) {
      if (cursor->source != from_.name) {
        return fail(Code::conflict, "{} has what was migrated from {}: name another target", to_.name, cursor->source);
      }
      cursor_ = *std::move(cursor);
      return {};
    }
    TRY(check_empty());
    cursor_ = {.source = from_.name, .part = part_of_rows(types_.front())};
    if (options_.dry_run) return {};
    const ItemKey key = cursor_key();
    return to_.table.write(Put{{{"PK", key.pk},
                                {"SK", key.sk},
                                {"TYPE", kMigrationRowType},
                                {"source", cursor_.source},
                                {"part", cursor_.part},
                                {"after", cursor_.after},
                                {"revision", cursor_.revision},
                                {"begun_at", iso_time(clock_.now_ms())}},
                               {absent("PK")}});
  }

  Result<void> check_empty() {
    for (const std::string& type : types_) {
      if (TRY(to_.table.query({.index = Index::type, .hash = type, .limit = 1})).items.empty()) continue;
      return fail(Code::conflict, "{} has rows already ({}): name a target without content", to_.name, type);
    }
    for (ObjectStore* const store : {&to_.vectors, &to_.batch_files}) {
      const auto objects = TRY(store->list("", "", 1));
      if (objects.empty()) continue;
      return fail(Code::conflict, "{} has objects already ({}): name a target without content", to_.name,
                  objects.front().key.str());
    }
    return {};
  }

  /// Notes how far everything is copied; `conflict` if somebody else has moved the cursor.
  Result<void> move_cursor(const std::string& part, const std::string& after) {
    const auto moved = to_.table.write(Update{.key = cursor_key(),
                                              .set = {{"part", part},
                                                      {"after", after},
                                                      {"revision", cursor_.revision + 1},
                                                      {"moved_at", iso_time(clock_.now_ms())}},
                                              .condition = {equal("revision", cursor_.revision)}});
    if (!moved && moved.error().code() == Code::conflict) {
      return fail(Code::conflict, "somebody else migrates to {} right now", to_.name);
    }
    TRY(moved);
    cursor_.part = part;
    cursor_.after = after;
    ++cursor_.revision;
    return {};
  }

  static std::string part_of_rows(const std::string& type) { return "rows " + type; }

  Result<void> copy_all() {
    bool reached = false;
    const auto is_due = [&](const std::string& part) {
      reached = reached || part == cursor_.part;
      return reached;
    };
    for (const std::string& type : types_) {
      if (is_due(part_of_rows(type))) TRY(copy_rows(type));
    }
    for (const Objects& objects : stores()) {
      const std::string part = fmt::format("{} {}", objects.roots ? "roots" : "objects", objects.name);
      if (is_due(part)) TRY(copy_objects(objects, part));
    }
    if (reached) return {};
    return fail(Code::conflict,
                "the migration to {} was at '{}', which this call does not have: give it the same options", to_.name,
                cursor_.part);
  }

  std::vector<Objects> stores() const {
    return {{"batch_files", from_.batch_files, to_.batch_files},
            {"vectors", from_.vectors, to_.vectors},
            {"vectors", from_.vectors, to_.vectors, true}};
  }

  Result<void> copy_rows(const std::string& type) {
    const std::string part = part_of_rows(type);
    Query query{.index = Index::type, .hash = type, .limit = kRowsAtOnce};
    if (cursor_.part == part) query.start_after = cursor_.after;
    while (true) {
      TRY(check_stop());
      const Page page = TRY(from_.table.query(query));
      TRY(copy_page(page.items, migration_.rows[type]));
      if (page.next.empty()) break;
      TRY(move_cursor(part, page.next));
      query.start_after = page.next;
    }
    log_.info("copied rows", {{"type", type}, {"rows", migration_.rows[type].copied}});
    return {};
  }

  /// Writes rows where there are none; those that are there must be the same.
  Result<void> copy_page(const std::vector<Item>& rows, MigratedCount& count) {
    std::vector<Write> writes;
    std::vector<ItemKey> keys;
    for (const Item& row : rows) {
      writes.emplace_back(Put{row, {absent("PK")}});
      keys.push_back(key_of(row));
    }
    const auto happened = to_.table.write_each(writes);
    if (!happened && !happened.error().retryable()) return std::unexpected(happened.error());
    const auto stored = TRY(to_.table.get_each(keys));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (!stored[i]) {
        return fail(Code::unavailable, "the row {} could not be written to {}: migrate again to go on",
                    row_name(keys[i]), to_.name);
      }
      if (*stored[i] != rows[i]) {
        return fail(Code::conflict, "the row {} of {} is not that of {}: one of them was changed meanwhile",
                    row_name(keys[i]), to_.name, from_.name);
      }
      if (happened && (*happened)[i]) ++count.copied;
    }
    return {};
  }

  Result<void> copy_objects(const Objects& objects, const std::string& part) {
    std::string after = cursor_.part == part ? cursor_.after : "";
    std::size_t since_cursor = 0;
    MigratedCount& count = migration_.objects[objects.name];
    while (true) {
      const auto page = TRY(objects.from.list("", after, kObjectsAtOnce));
      for (const ObjectInfo& object : page) {
        TRY(check_stop());
        after = object.key.str();
        if (is_root(object.key) != objects.roots) continue;
        TRY(copy_object(objects, object, count));
        if (++since_cursor < kObjectsBetweenCursors) continue;
        TRY(move_cursor(part, after));
        since_cursor = 0;
      }
      if (page.size() < kObjectsAtOnce) break;
    }
    log_.info("copied objects", {{"store", objects.name}, {"objects", count.copied}, {"bytes", count.bytes_copied}});
    return {};
  }

  Result<void> copy_object(const Objects& objects, const ObjectInfo& object, MigratedCount& count) {
    const auto room = TRY(ScratchFolder::create(scratch_));
    const Path file = room.path() / "object";
    const std::string hash = TRY(copy_to_file(objects.from, object.key, file));
    const auto created = objects.to.create_from_file(object.key, file);
    if (!created && created.error().code() != Code::conflict && !created.error().retryable()) return created;
    const ObjectInfo there = TRY(objects.to.info(object.key));
    if (there.size_bytes != object.size_bytes || TRY(hash_of(objects.to, object.key)) != hash) {
      return fail(created ? Code::corrupt : Code::conflict, "{} of {} is not the object that {} has", object.key.str(),
                  to_.name, from_.name);
    }
    if (!created) return {};
    ++count.copied;
    count.bytes_copied += object.size_bytes;
    return {};
  }

  Result<void> count() {
    for (const std::string& type : types_) {
      MigratedCount& count = migration_.rows[type];
      count.source = TRY(from_.table.count({.index = Index::type, .hash = type}));
      count.target = TRY(to_.table.count({.index = Index::type, .hash = type}));
    }
    for (const Objects& objects : stores()) {
      if (objects.roots) continue;
      MigratedCount& count = migration_.objects[objects.name];
      count.source = TRY(objects_in(objects.from));
      count.target = TRY(objects_in(objects.to));
    }
    return {};
  }

  static Result<std::uint64_t> objects_in(ObjectStore& store) {
    std::uint64_t count = 0;
    std::string after;
    while (true) {
      const auto page = TRY(store.list("", after, kObjectsAtOnce));
      count += page.size();
      if (page.size() < kObjectsAtOnce) return count;
      after = page.back().key.str();
    }
  }

  const Place& from_;
  const Place& to_;
  const MigrationOptions& options_;
  Clock& clock_;
  const Path& scratch_;
  const Logger& log_;
  const std::stop_token& stop_;
  std::vector<std::string> types_;
  Cursor cursor_;
  Migration migration_;
};

}  // namespace

bool Migration::agrees() const {
  const auto entry_agrees = [](const auto& entry) { return entry.second.agrees(); };
  return std::ranges::all_of(rows, entry_agrees) && std::ranges::all_of(objects, entry_agrees);
}

Result<Migration> migrate(const Place& from, const Place& to, const MigrationOptions& options, Clock& clock,
                          const Path& scratch, const Logger& log, const std::stop_token& stop) {
  return Migrating(from, to, options, clock, scratch, log, stop).migrate();
}

}  // namespace tillite
