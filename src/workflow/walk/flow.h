#pragma once

#include <coroutine>
#include <deque>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.h"

namespace tillite {

/// A part of a walk through a state machine that may have to wait: a coroutine. It runs when it is started or awaited,
/// up to the first thing that is not there yet; its end resumes who awaits it. Destroying a flow that waits ends it
/// where it stands, with all flows that it awaits: that is how a branch is aborted.
///
/// Threads: all flows of one walk belong to one thread.
template <typename T>
class [[nodiscard]] Flow {
 public:
  struct promise_type {
    std::optional<T> value;
    std::coroutine_handle<> awaiting = std::noop_coroutine();

    Flow get_return_object() { return Flow(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    auto final_suspend() noexcept {
      struct ResumeAwaiting {
        bool await_ready() noexcept { return false; }
        std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> ended) noexcept {
          return ended.promise().awaiting;
        }
        void await_resume() noexcept {}
      };
      return ResumeAwaiting{};
    }
    void return_value(T returned) { value = std::move(returned); }
    void unhandled_exception() { std::terminate(); }
  };

  Flow(Flow&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Flow& operator=(Flow&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~Flow() {
    if (handle_) handle_.destroy();
  }

  /// Runs it up to its first wait. For flows that nobody awaits.
  void start() { handle_.resume(); }
  [[nodiscard]] bool ended() const { return handle_.done(); }
  /// Its result, once it has ended.
  [[nodiscard]] T take() {
    check(ended(), "a flow's result is taken after its end");
    return std::move(*handle_.promise().value);
  }

  // Awaiting: a flow that never waits costs no suspension, and no depth of the stack however often that is.
  bool await_ready() {
    handle_.resume();
    return handle_.done();
  }
  void await_suspend(std::coroutine_handle<> awaiting) { handle_.promise().awaiting = awaiting; }
  T await_resume() { return take(); }

 private:
  explicit Flow(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

/// Flows that can go on, in the order in which something came for them: no branch runs ahead of the others.
class ReadyFlows {
 public:
  /// What a flow waits with; leaves the row when it is destroyed.
  class Entry {
   public:
    explicit Entry(ReadyFlows& ready) : ready_(ready) {}
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry() {
      if (!queued_) return;
      for (Entry*& entry : ready_.entries_) {
        if (entry == this) entry = nullptr;
      }
    }

   protected:
    void wait(std::coroutine_handle<> flow) { waiting_ = flow; }
    void wake() {
      if (!waiting_ || queued_) return;
      queued_ = true;
      ready_.entries_.push_back(this);
    }

   private:
    friend ReadyFlows;
    ReadyFlows& ready_;
    std::coroutine_handle<> waiting_;
    bool queued_ = false;
  };

  /// Runs flows until all of them wait for something that is still to come.
  void run() {
    while (!entries_.empty()) {
      Entry* const entry = entries_.front();
      entries_.pop_front();
      if (entry == nullptr) continue;
      entry->queued_ = false;
      std::exchange(entry->waiting_, nullptr).resume();
    }
  }

 private:
  std::deque<Entry*> entries_;
};

/// Where a flow is told what it waits for: `const Message message = co_await inbox.next();`.
template <typename Message>
class Inbox : public ReadyFlows::Entry {
 public:
  using ReadyFlows::Entry::Entry;

  void push(Message message) {
    messages_.push_back(std::move(message));
    wake();
  }

  [[nodiscard]] auto next() {
    struct Next {
      Inbox& inbox;
      bool await_ready() const { return !inbox.messages_.empty(); }
      void await_suspend(std::coroutine_handle<> flow) { inbox.wait(flow); }
      Message await_resume() {
        Message message = std::move(inbox.messages_[inbox.taken_++]);
        if (inbox.taken_ == inbox.messages_.size()) {
          inbox.messages_.clear();
          inbox.taken_ = 0;
        }
        return message;
      }
    };
    return Next{*this};
  }

 private:
  std::vector<Message> messages_;  ///< those before `taken_` were taken
  std::size_t taken_ = 0;
};

}  // namespace tillite
