#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"

namespace tillite {

/// What index_metadata.pickle says besides its labels.
struct LabelPickleFacts {
  std::uint64_t labels_given = 0;           ///< total_elements_added: the highest label that was ever given
  std::optional<std::uint64_t> max_seq_id;  ///< up to which the queue went in; newer servers keep it in SQLite
  std::uint64_t labels = 0;                 ///< pairs in id_to_label
  std::uint64_t ids = 0;                    ///< pairs in label_to_id
};

/// Who hears of the labels. The ids are views into the pickle's bytes.
struct LabelPickleListener {
  std::function<Result<void>(std::string_view id, std::uint64_t label)> label_of_id;
  std::function<Result<void>(std::uint64_t label, std::string_view id)> id_of_label;  ///< may be empty
};

/// Reads index_metadata.pickle, written by a server or by us: a dict of plain values and dicts of plain values
/// (protocol 2 to 4). A pickle is a program; the few instructions that make such a dict are followed, every other one
/// is refused
/// (`unsupported` if it would name a Python class, else `corrupt`), and none is ever run. Errors name `file` and the
/// place. Memory: eight bytes for each value that the pickle keeps for later (as Python's own writer does with
/// strings).
[[nodiscard]] Result<LabelPickleFacts> read_label_pickle(std::span<const std::byte> bytes, std::string_view file,
                                                         const LabelPickleListener& listener);

}  // namespace tillite
