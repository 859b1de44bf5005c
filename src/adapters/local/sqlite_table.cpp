#include "adapters/local/sqlite_table.h"

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

#include "adapters/local/group_commit.h"

namespace tillite {
namespace {

constexpr std::size_t kGroupWritesMax = 5000;  // in one SQLite transaction, so that none lasts long

/// A job that waits for the writer.
struct WaitingJob {
  WriteJob job;
  std::promise<WriteOutcome> outcome = {};
};

}  // namespace

struct SqliteTable::Parts {
  Path file;
  std::unique_ptr<SqliteRows> writer;

  std::mutex readers_mutex;
  std::vector<std::unique_ptr<SqliteRows>> readers;

  std::mutex jobs_mutex;
  std::condition_variable_any jobs_changed;
  std::deque<WaitingJob*> jobs;
  std::jthread thread;

  void work(const std::stop_token& stop) {
    while (true) {
      std::vector<WaitingJob*> group;
      {
        std::unique_lock lock(jobs_mutex);
        if (!jobs_changed.wait(lock, stop, [&] { return !jobs.empty(); })) return;
        for (std::size_t writes = 0; !jobs.empty() && writes < kGroupWritesMax; jobs.pop_front()) {
          writes += jobs.front()->job.writes.size();
          group.push_back(jobs.front());
        }
      }
      commit(group);
    }
  }

  /// One transaction, one fsync. No outcome is told before the commit.
  void commit(const std::vector<WaitingJob*>& group) {
    std::vector<WriteJob> jobs_of_group;
    jobs_of_group.reserve(group.size());
    for (const WaitingJob* waiting : group) jobs_of_group.push_back(waiting->job);
    auto outcomes = commit_group(jobs_of_group, *writer);
    for (std::size_t i = 0; i < group.size(); ++i) group[i]->outcome.set_value(std::move(outcomes[i]));
  }

  WriteOutcome run(const std::vector<Write>& writes, bool all_or_none) {
    if (writes.empty()) return std::vector<bool>{};
    WaitingJob job{{writes, all_or_none}};
    auto outcome = job.outcome.get_future();
    {
      const std::scoped_lock lock(jobs_mutex);
      jobs.push_back(&job);
    }
    jobs_changed.notify_one();
    return outcome.get();
  }

  /// Calls `read` with a connection that nobody else uses meanwhile.
  template <typename Read>
  auto with_reader(Read read) -> decltype(read(std::declval<SqliteRows&>())) {
    std::unique_ptr<SqliteRows> reader;
    {
      const std::scoped_lock lock(readers_mutex);
      if (!readers.empty()) {
        reader = std::move(readers.back());
        readers.pop_back();
      }
    }
    if (!reader) reader = TRY(SqliteRows::open(file, false));
    auto answer = read(*reader);
    const std::scoped_lock lock(readers_mutex);
    readers.push_back(std::move(reader));
    return answer;
  }
};

SqliteTable::SqliteTable(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {
  parts_->thread = std::jthread([parts = parts_.get()](const std::stop_token& stop) { parts->work(stop); });
}

SqliteTable::~SqliteTable() = default;

Result<std::unique_ptr<SqliteTable>> SqliteTable::open(const Path& file) {
  auto parts = std::make_unique<Parts>();
  parts->file = file;
  parts->writer = TRY(SqliteRows::open(file, true));
  return std::unique_ptr<SqliteTable>(new SqliteTable(std::move(parts)));
}

Result<std::optional<Item>> SqliteTable::get(const ItemKey& key) {
  return parts_->with_reader([&](SqliteRows& rows) { return rows.get(key); });
}

Result<std::vector<std::optional<Item>>> SqliteTable::get_each(std::span<const ItemKey> keys) {
  return parts_->with_reader([&](SqliteRows& rows) -> Result<std::vector<std::optional<Item>>> {
    std::vector<std::optional<Item>> items;
    items.reserve(keys.size());
    for (const ItemKey& key : keys) items.push_back(TRY(rows.get(key)));
    return items;
  });
}

Result<Page> SqliteTable::query(const Query& query) {
  return parts_->with_reader([&](SqliteRows& rows) { return rows.query(query); });
}

Result<std::uint64_t> SqliteTable::count(const Query& query) {
  return parts_->with_reader([&](SqliteRows& rows) { return rows.count(query); });
}

Result<void> SqliteTable::write(const Write& write) {
  TRY(check_write(write));
  const auto happened = TRY(parts_->run({write}, false));
  if (!happened.front()) return fail(Code::conflict, "the row {} is not as expected", row_name(key_of(write)));
  return {};
}

Result<void> SqliteTable::transact(const std::vector<Write>& writes) {
  TRY(check_transaction(writes));
  const auto happened = TRY(parts_->run(writes, true));
  for (std::size_t i = 0; i < writes.size(); ++i) {
    if (!happened[i]) return fail(Code::conflict, "the row {} is not as expected", row_name(key_of(writes[i])));
  }
  return {};
}

Result<std::vector<bool>> SqliteTable::write_each(const std::vector<Write>& writes) {
  for (const Write& write : writes) TRY(check_write(write));
  return parts_->run(writes, false);
}

}  // namespace tillite
