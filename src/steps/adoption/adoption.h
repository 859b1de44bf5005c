#pragma once

#include "steps/adoption/diagnosis.h"
#include "steps/imports/record_import.h"

namespace tillite {

/// What to adopt, and how.
struct AdoptionOptions {
  bool dry_run = false;
  bool reembed = false;  ///< SUCCESS items of which no vector was found go back to NONE
};

/// What an adoption did, or would do.
struct Adoption {
  std::uint64_t statuses_set = 0;   ///< items that got a status, or the index keys of theirs
  std::uint64_t noise = 0;          ///< of these, and of the next: they became NOISE
  std::uint64_t released = 0;       ///< items that were PENDING for nobody
  std::uint64_t batches_ended = 0;  ///< of an earlier system
  std::map<Entity, ImportedRecords> snapshots;
  std::map<Entity, ImportedRecords> deltas;
  struct Refused {
    std::string name;
    std::string reason;
  };
  std::vector<Refused> refused;      ///< deltas that could not be taken in
  std::uint64_t versions_noted = 0;  ///< items whose row says now of which version the vector is
  std::uint64_t without_vector = 0;  ///< SUCCESS items of which no vector was found
  std::uint64_t to_embed_again = 0;  ///< of these: that went back to NONE

  [[nodiscard]] bool changed_something() const;
};

/// Makes what an earlier system left in the table and the stores ready for this one: ends its batches that nobody waits
/// for, frees items that are PENDING for nobody, gives every item the status and the index keys that find needs, takes
/// its snapshots and deltas in, and notes on each of their items of which version its vector is. Whatever else rows
/// hold stays. Each write is conditional on what was read; repeating it does what is left, after a crash too.
///
/// Errors: `invalid_input` if a snapshot does not fit what the collection is, or would be, bound to: then nothing at
/// all was done; `corrupt` if a snapshot is damaged; those of the ports.
[[nodiscard]] Result<Adoption> adopt(const AdoptionOptions& options, const Ports& ports, const StepContext& context);

}  // namespace tillite
