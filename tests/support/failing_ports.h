#pragma once

#include <atomic>

#include "steps/step.h"

namespace tillite::testing {

/// When calls through the ports fail, counted over all of them in their order, from 0.
class Outage {
 public:
  /// From this call on nothing works any more: a crash, seen from outside.
  static Outage crash_at(int call) { return {call, -1}; }
  /// This one call happens, and its answer is lost.
  static Outage lost_answer_of(int call) { return {-1, call}; }

  Outage(const Outage& other) : crash_at_(other.crash_at_), lost_(other.lost_) {}

  template <typename Call>
  auto pass(Call call) -> decltype(call()) {
    const int number = calls_++;
    if (crash_at_ >= 0 && number >= crash_at_) return fail(Code::unavailable, "call {} was cut off", number);
    auto answer = call();
    if (number == lost_) return fail(Code::unavailable, "the answer to call {} was lost", number);
    return answer;
  }
  [[nodiscard]] int calls() const { return calls_; }

 private:
  Outage(int crash_at, int lost) : crash_at_(crash_at), lost_(lost) {}
  int crash_at_;
  int lost_;
  std::atomic<int> calls_ = 0;
};

class FailingTable final : public Table {
 public:
  FailingTable(Table& real, Outage& outage) : real_(real), outage_(outage) {}
  Result<std::optional<Item>> get(const ItemKey& key) override {
    return outage_.pass([&] { return real_.get(key); });
  }
  Result<std::vector<std::optional<Item>>> get_each(std::span<const ItemKey> keys) override {
    return outage_.pass([&] { return real_.get_each(keys); });
  }
  Result<void> write(const Write& write) override {
    return outage_.pass([&] { return real_.write(write); });
  }
  Result<void> transact(const std::vector<Write>& writes) override {
    return outage_.pass([&] { return real_.transact(writes); });
  }
  Result<std::vector<bool>> write_each(const std::vector<Write>& writes) override {
    return outage_.pass([&] { return real_.write_each(writes); });
  }
  Result<Page> query(const Query& query) override {
    return outage_.pass([&] { return real_.query(query); });
  }
  Result<std::uint64_t> count(const Query& query) override {
    return outage_.pass([&] { return real_.count(query); });
  }

 private:
  Table& real_;
  Outage& outage_;
};

class FailingObjects final : public ObjectStore {
 public:
  FailingObjects(ObjectStore& real, Outage& outage) : real_(real), outage_(outage) {}
  Result<void> create(const ObjectKey& key, std::span<const std::byte> content) override {
    return outage_.pass([&] { return real_.create(key, content); });
  }
  Result<void> create_from_file(const ObjectKey& key, const Path& file) override {
    return outage_.pass([&] { return real_.create_from_file(key, file); });
  }
  Result<void> put(const ObjectKey& key, std::span<const std::byte> content) override {
    return outage_.pass([&] { return real_.put(key, content); });
  }
  Result<void> replace(const ObjectKey& key, std::span<const std::byte> content, const std::string& etag) override {
    return outage_.pass([&] { return real_.replace(key, content, etag); });
  }
  Result<ObjectInfo> info(const ObjectKey& key) override {
    return outage_.pass([&] { return real_.info(key); });
  }
  Result<std::unique_ptr<ByteSource>> open(const ObjectKey& key) override {
    return outage_.pass([&] { return real_.open(key); });
  }
  Result<Path> fetch(const ObjectKey& key, const Path& scratch) override {
    return outage_.pass([&] { return real_.fetch(key, scratch); });
  }
  Result<std::vector<ObjectInfo>> list(const std::string& prefix, const std::string& after,
                                       std::size_t limit) override {
    return outage_.pass([&] { return real_.list(prefix, after, limit); });
  }
  Result<void> remove(const ObjectKey& key) override {
    return outage_.pass([&] { return real_.remove(key); });
  }
  std::string place_of(const std::string& prefix) const override { return real_.place_of(prefix); }

 private:
  ObjectStore& real_;
  Outage& outage_;
};

class FailingProvider final : public BatchProvider {
 public:
  FailingProvider(BatchProvider& real, Outage& outage) : real_(real), outage_(outage) {}
  Result<ProviderFileId> upload(ByteSource& content, const std::string& file_name) override {
    return outage_.pass([&] { return real_.upload(content, file_name); });
  }
  Result<ProviderBatch> create_batch(const ProviderFileId& input_file,
                                     const std::map<std::string, std::string>& metadata) override {
    return outage_.pass([&] { return real_.create_batch(input_file, metadata); });
  }
  Result<ProviderBatch> batch(const ProviderBatchId& id) override {
    return outage_.pass([&] { return real_.batch(id); });
  }
  Result<ProviderBatchPage> list(const ProviderBatchId& after, std::size_t limit) override {
    return outage_.pass([&] { return real_.list(after, limit); });
  }
  Result<void> cancel(const ProviderBatchId& id) override {
    return outage_.pass([&] { return real_.cancel(id); });
  }
  Result<std::unique_ptr<ByteSource>> download(const ProviderFileId& id) override {
    return outage_.pass([&] { return real_.download(id); });
  }
  Result<ProviderFilePage> list_files(const ProviderFileId& after, std::size_t limit) override {
    return outage_.pass([&] { return real_.list_files(after, limit); });
  }
  Result<void> delete_file(const ProviderFileId& id) override {
    return outage_.pass([&] { return real_.delete_file(id); });
  }

 private:
  BatchProvider& real_;
  Outage& outage_;
};

/// The same ports, each call through one outage.
class FailingPorts {
 public:
  FailingPorts(const Ports& real, Outage outage)
      : outage_(outage),
        table_(real.table, outage_),
        vectors_(real.vectors, outage_),
        batch_files_(real.batch_files, outage_),
        provider_(real.provider, outage_),
        ports_{table_, vectors_, batch_files_, real.queue, provider_, real.texts, real.cache, real.clock, real.random} {
  }
  [[nodiscard]] const Ports& ports() const { return ports_; }
  [[nodiscard]] int calls() const { return outage_.calls(); }

 private:
  Outage outage_;
  FailingTable table_;
  FailingObjects vectors_;
  FailingObjects batch_files_;
  FailingProvider provider_;
  Ports ports_;
};

}  // namespace tillite::testing
