#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/output.h"
#include "app/parts/pipeline_host.h"
#include "steps/adoption/adoption.h"
#include "steps/imports/migration.h"

namespace tillite {

/// What all commands share.
struct CommandContext {
  Output output;
  PipelineHost::Options host;  ///< how to open the home; `create` is the command's to set
  bool live_progress = false;
};

/// A command ends with its exit status (0 done, 3 partly done, 18 refused for its cost, 19 something is found), or with
/// an error, which has one of its own.
using Command = std::function<Result<int>(CommandContext& context)>;

inline constexpr int kDone = 0;
inline constexpr int kPartlyDone = 3;
inline constexpr int kBeyondBudget = 18;
inline constexpr int kFindings = 19;

[[nodiscard]] Result<int> sample_command(CommandContext& context, std::int64_t receipts, std::int64_t seed);
[[nodiscard]] Result<int> import_command(CommandContext& context, const std::vector<std::string>& files, bool dry_run);
struct RunCommandOptions {
  std::string entity = "both";
  bool no_wait = false;
  std::string budget;   ///< as in 0.50USD, or a number of tokens; empty: none
  bool on_aws = false;  ///< Step Functions walks the state machines, not this process
};
[[nodiscard]] Result<int> run_command(CommandContext& context, const RunCommandOptions& options);
[[nodiscard]] Result<int> plan_command(CommandContext& context, const std::string& entity, bool with_aws);
[[nodiscard]] Result<int> delete_command(CommandContext& context, const std::string& image_id, int receipt_id);
[[nodiscard]] Result<int> status_command(CommandContext& context);
[[nodiscard]] Result<int> compact_command(CommandContext& context, const std::string& collection);
[[nodiscard]] Result<int> backup_command(CommandContext& context, const std::string& folder);
[[nodiscard]] Result<int> doctor_command(CommandContext& context);
[[nodiscard]] Result<int> adopt_command(CommandContext& context, const AdoptionOptions& options);
struct MigrateOptions {
  std::string from;  ///< a home's folder, or aws
  std::string to;
  MigrationOptions options;
};
[[nodiscard]] Result<int> migrate_command(CommandContext& context, const MigrateOptions& asked);
/// Makes the table that the environment names, and looks whether its buckets and its queue are there.
[[nodiscard]] Result<int> aws_setup_command(CommandContext& context);
[[nodiscard]] Result<int> gc_command(CommandContext& context, bool dry_run, std::int64_t keep_hours);

struct GenerationOptions {
  std::string collection = {};  ///< empty: both
  std::string model = {};       ///< this and the next two: empty or 0: as the environment says, or as it is
  std::int64_t dimensions = 0;
  std::string format = {};
  bool dry_run = false;
};
[[nodiscard]] Result<int> generations_list_command(CommandContext& context, const std::string& collection);
[[nodiscard]] Result<int> generations_start_command(CommandContext& context, const GenerationOptions& options);
[[nodiscard]] Result<int> generations_cancel_command(CommandContext& context, std::int64_t number,
                                                     const std::string& collection);
[[nodiscard]] Result<int> generations_resume_command(CommandContext& context, std::int64_t number,
                                                     const std::string& collection);

struct QueryOptions {
  std::string text;
  std::string collection = "receipt_lines";
  std::size_t k = 10;
  std::string where;
  std::string where_document;
};
[[nodiscard]] Result<int> query_command(CommandContext& context, const QueryOptions& options);
[[nodiscard]] Result<int> get_command(CommandContext& context, const std::vector<std::string>& ids);

[[nodiscard]] Result<int> snapshot_list_command(CommandContext& context, bool all);
[[nodiscard]] Result<int> snapshot_export_command(CommandContext& context, const std::string& collection,
                                                  const std::string& folder);

struct SnapshotImportOptions {
  std::string folder;
  std::string collection;  ///< in the directory; empty: the only one, or the one that is called like ours
  std::string into;        ///< ours; empty: the one that is called like the directory's
};
[[nodiscard]] Result<int> snapshot_import_command(CommandContext& context, const SnapshotImportOptions& options);
struct DeltaImportOptions {
  std::vector<std::string> places;  ///< Chroma directories, archives of one, folders of such; empty: the home's store
  std::string collection;           ///< as above
  std::string into;                 ///< as above; else by the place in the store
};
[[nodiscard]] Result<int> delta_import_command(CommandContext& context, const DeltaImportOptions& options);
/// `what`: a directory, or the name of a collection, whose newest version is meant then.
[[nodiscard]] Result<int> snapshot_verify_command(CommandContext& context, const std::string& what);
[[nodiscard]] Result<int> snapshot_repair_command(CommandContext& context, const std::string& folder,
                                                  const std::string& target);
[[nodiscard]] Result<int> snapshot_rollback_command(CommandContext& context, std::int64_t version,
                                                    const std::string& collection);

[[nodiscard]] Result<int> failed_command(CommandContext& context, const std::string& entity, std::size_t limit);
/// `all` of an entity, or the items with these ids.
[[nodiscard]] Result<int> retry_command(CommandContext& context, bool all, const std::vector<std::string>& ids,
                                        const std::string& entity);

/// The open batches; `all`: those that have ended, too. `status`: only those (PREPARED, PENDING, ...); empty: any.
[[nodiscard]] Result<int> batches_list_command(CommandContext& context, const std::string& status, bool all);
[[nodiscard]] Result<int> batches_show_command(CommandContext& context, const std::string& id);
/// `all` that have no vectors yet, or those with these ids.
[[nodiscard]] Result<int> batches_cancel_command(CommandContext& context, bool all, std::vector<std::string> ids);
struct ReconcileOptions {
  bool adopt = false;   ///< adopts what can be adopted, deletes files
  bool cancel = false;  ///< and cancels the other batches
  bool dry_run = false;
};
[[nodiscard]] Result<int> batches_reconcile_command(CommandContext& context, const ReconcileOptions& options);

[[nodiscard]] Result<int> cache_status_command(CommandContext& context);
[[nodiscard]] Result<int> cache_verify_command(CommandContext& context);
[[nodiscard]] Result<int> cache_clear_command(CommandContext& context);

[[nodiscard]] Result<int> queue_list_command(CommandContext& context, bool dead);
[[nodiscard]] Result<int> queue_send_command(CommandContext& context, const std::string& body);
/// `all`, or the dead letters with these ids.
[[nodiscard]] Result<int> queue_redrive_command(CommandContext& context, bool all, std::vector<std::string> ids);

struct ServeOptions {
  int port = 8765;             ///< 0: any that is free
  bool compacts = true;        ///< works on the queue's messages; else they stay for who receives them
  bool runs_commands = false;  ///< whoever may create a state machine may run any program then
};
[[nodiscard]] Result<int> serve_command(CommandContext& context, const ServeOptions& options);

struct LambdaHostOptions {
  int port = 8767;                  ///< 0: any that is free
  std::string bootstrap = {};       ///< the program of the functions of steps.json; empty: the one beside this program
  std::string functions_file = {};  ///< other functions (docs/lambda.md); empty: none
  std::vector<std::string> variables = {};  ///< NAME=VALUE, of every function
  std::size_t at_once_max = 10;             ///< invocations
  std::int64_t idle_seconds = 300;          ///< after which a sandbox is ended
};
[[nodiscard]] Result<int> lambda_host_command(CommandContext& context, const LambdaHostOptions& options);

struct OpenAiEmulatorOptions {
  int port = 8766;  ///< 0: any that is free
  std::string folder = "openai-emulator";
  std::string faults;
  std::string latency;
  std::string models;
  std::string api_key;  ///< empty: any that is there
  std::uint64_t seed = 1;
  std::uint64_t enqueued_tokens_max = 3'000'000;
};
[[nodiscard]] Result<int> openai_emulator_command(CommandContext& context, const OpenAiEmulatorOptions& options);

/// Those of Step Functions if `on_aws`. The commands below are of an execution there if its id is an ARN.
[[nodiscard]] Result<int> workflow_start_command(CommandContext& context, const std::string& name,
                                                 const std::string& input, bool on_aws);
[[nodiscard]] Result<int> workflow_list_command(CommandContext& context, bool on_aws);
[[nodiscard]] Result<int> workflow_describe_command(CommandContext& context, const std::string& id);
[[nodiscard]] Result<int> workflow_history_command(CommandContext& context, const std::string& id);
[[nodiscard]] Result<int> workflow_stop_command(CommandContext& context, const std::string& id);
[[nodiscard]] Result<int> workflow_resume_command(CommandContext& context, const std::string& id);
[[nodiscard]] Result<int> workflow_redrive_command(CommandContext& context, const std::string& id);
/// What the command line says of TestState's request; texts are JSON but for the name, the level and the error.
struct TestStateOptions {
  std::string file;
  std::string state;
  std::string input = "{}";
  std::string level = "INFO";
  std::string result;
  std::string error;
  std::string cause;
  std::string context;
  std::string variables;
  std::string configuration;
};
[[nodiscard]] Result<int> workflow_test_state_command(CommandContext& context, const TestStateOptions& options);
[[nodiscard]] Result<int> workflow_validate_command(CommandContext& context, const std::vector<std::string>& files,
                                                    bool express);
[[nodiscard]] Result<int> workflow_test_command(CommandContext& context, const std::vector<std::string>& files);

}  // namespace tillite
