#pragma once

#include <array>
#include <string_view>

namespace tillite {

/// The TYPE of every kind of row that is written here or documented in docs/formats/table.md: a table has no other way
/// to list all its rows than by these. A test compares them with what the pipeline writes.
inline constexpr std::array<std::string_view, 15> kRowTypes = {
    "IMAGE",
    "RECEIPT",
    "RECEIPT_LINE",
    "RECEIPT_LINE_TOMBSTONE",
    "RECEIPT_WORD",
    "RECEIPT_WORD_TOMBSTONE",
    "RECEIPT_WORD_LABEL",
    "RECEIPT_METADATA",
    "RECEIPT_SECTION",
    "TEXT_CLAIM",
    "BATCH_SUMMARY",
    "ENQUEUED_TOKENS",
    "COLLECTION_GENERATION",
    "COMPACTION_CHECK",
    "COMPACTION_LOCK",
};

/// The row that remembers how far a migration has come; it is the place's own, and never migrated.
inline constexpr std::string_view kMigrationRowType = "MIGRATION";

}  // namespace tillite
