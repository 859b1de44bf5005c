#include "app/commands/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <limits>
#include <memory>
#include <sstream>

#include "vectors/records/shard.h"

namespace tillite {
namespace {

constexpr std::string_view kVersion = "tillite " TILLITE_VERSION;
constexpr int kPortMax = 65'535;
constexpr int kHostedAtOnceMax = 200;
constexpr std::int64_t kIdleSecondsMax = 86'400;
constexpr std::int64_t kDimensionsMax = 8192;  // as read_settings() has it
constexpr std::int64_t kSampleReceiptsMax = 1'000'000'000;

/// The options of all commands; the chosen command's closure reads them after parsing.
struct Values {
  std::int64_t receipts = 10;
  std::int64_t seed = 1;
  std::vector<std::string> files;
  bool dry_run = false;
  std::string entity = "both";
  bool with_aws = false;
  RunCommandOptions run;
  std::vector<std::string> receipt;
  std::string collection;
  std::string folder;
  std::int64_t keep_hours = 24;
  GenerationOptions generation;
  QueryOptions query;
  std::vector<std::string> ids;
  bool all = false;
  SnapshotImportOptions snapshot_import;
  DeltaImportOptions delta_import;
  std::string snapshot;
  std::int64_t version = 0;
  std::string name;
  std::string input = "{}";
  std::string execution;
  bool express = false;
  bool no_history = false;
  bool on_aws = false;
  std::string body;
  std::string status;
  std::size_t limit = 100;
  ReconcileOptions reconcile;
  AdoptionOptions adoption;
  MigrateOptions migrate;
  ServeOptions serve;
  LambdaHostOptions lambda_host;
  OpenAiEmulatorOptions emulator;
  TestStateOptions test_state;
};

class Parser {
 public:
  Parser(ParsedCommandLine& parsed, const Environment& environment) : parsed_(parsed) {
    parsed_.home = environment("TILLITE_HOME").value_or("");
    if (parsed_.home.empty()) parsed_.home = "tillite-home";
    app_.name("tillite");
    app_.description("Turns OCR'd receipts into a searchable vector store at batch prices.");
    app_.footer(
        "Example: tillite sample --receipts 40 | tillite import - && tillite run && tillite query milk\n"
        "Exit status: 0 done, 2 usage, 3 partly done, others: docs/cli.md");
    app_.require_subcommand(1);
    app_.fallthrough();
    app_.set_version_flag("--version", std::string(kVersion));
    app_.add_option("--home", parsed_.home, "Folder of everything (TILLITE_HOME, else ./tillite-home)")
        ->check([](const std::string& folder) { return std::string(folder.empty() ? "name a folder" : ""); });
    app_.add_flag("--json", parsed_.json, "Answer in JSON on standard output");
    app_.add_option("--log-level", parsed_.log_level, "DEBUG, INFO, WARNING or ERROR (LOG_LEVEL)");
    app_.add_option("--memory", parsed_.memory, "What merging may use, as in 512M (TILLITE_MEMORY_BYTES)");
    app_.add_flag("-v,--verbose", parsed_.verbose, "Logs on standard error as text instead of JSON lines");
    add_receipt_commands();
    add_run_commands();
    add_adoption_commands();
    add_aws_commands();
    add_generation_commands();
    add_search_commands();
    add_snapshot_commands();
    add_delta_commands();
    add_batches_commands();
    add_cache_commands();
    add_queue_commands();
    add_workflow_commands();
    add_serve_command();
    add_lambda_host_command();
    add_openai_emulator_command();
  }

  void parse(std::vector<std::string> arguments) {
    // A mistake before it must not hide in which form errors are wanted.
    parsed_.json = std::ranges::find(arguments, "--json") != arguments.end();
    std::ranges::reverse(arguments);  // as CLI11 takes them
    try {
      app_.parse(std::move(arguments));
    } catch (const CLI::ParseError& error) {
      parsed_.command = nullptr;
      std::ostringstream out;
      if (app_.exit(error, out, out) == 0) {
        parsed_.text = out.str();
      } else {
        parsed_.mistake = mistake(error);
      }
    }
  }

 private:
  /// What is wrong, and where help is: the innermost command that was named.
  Error mistake(const CLI::ParseError& error) const {
    std::string command = "tillite";
    const CLI::App* app = &app_;
    while (!app->get_subcommands().empty()) {
      app = app->get_subcommands().front();
      command += " " + app->get_name();
    }
    return {Code::usage, fmt::format("{} ({} --help has an example)", what_is_wrong(error, *app), command)};
  }

  /// The library's words, but for a command that is missing or unknown: it does not tell the two apart.
  std::string what_is_wrong(const CLI::ParseError& error, const CLI::App& app) const {
    std::vector<std::string> names;
    for (const CLI::App* sub : app.get_subcommands({})) names.push_back(sub->get_name());
    if (error.get_name() != "RequiredError" || names.empty()) return error.what();
    const auto unknown = app_.remaining(/*recurse=*/true);
    if (unknown.empty()) return fmt::format("a command is missing: there are {}", fmt::join(names, ", "));
    if (unknown.front().starts_with('-')) return fmt::format("there is no option '{}'", unknown.front());
    return fmt::format("there is no command '{}': there are {}", unknown.front(), fmt::join(names, ", "));
  }

  /// Adds a command with an example to its help; `command` is called once its options are in values_.
  CLI::App* add(CLI::App& parent, const std::string& name, const std::string& description, const std::string& example,
                Command command) {
    CLI::App* const sub = parent.add_subcommand(name, description);
    sub->footer("Example: " + example);
    sub->callback([this, command = std::move(command)] { parsed_.command = command; });
    return sub;
  }

  /// Of the commands that create collections.
  CLI::Option* add_shards(CLI::App& command) {
    return command
        .add_option("--shards", parsed_.shards, "Parts of a new collection, merged in parallel (TILLITE_SHARDS)")
        ->check(CLI::Range(1, kShardsMax));
  }

  static void add_entity(CLI::App& command, std::string& entity) {
    command.add_option("--entity", entity, "line, word or both")
        ->check(CLI::IsMember({"line", "word", "both"}))
        ->capture_default_str();
  }

  static CLI::Option* add_on_aws(CLI::App& command, bool& on_aws) {
    return command.add_flag("--on-aws", on_aws, "The state machines on Step Functions (docs/aws.md)");
  }

  void add_receipt_commands() {
    auto v = values_;
    auto* sample = add(app_, "sample", "Writes made-up receipts as JSON lines", "tillite sample --receipts 40 --seed 1",
                       [v](CommandContext& c) { return sample_command(c, v->receipts, v->seed); });
    sample->add_option("--receipts", v->receipts, "How many")
        ->check(CLI::Range(std::int64_t{0}, kSampleReceiptsMax))
        ->required();
    sample->add_option("--seed", v->seed, "The same seed makes the same receipts")
        ->check(CLI::Range(std::int64_t{0}, std::numeric_limits<std::int64_t>::max()))
        ->capture_default_str();

    auto* import = add(app_, "import", "Takes receipts in: JSON lines, native or SROIE (docs/formats/receipt.md)",
                       "tillite import receipts.jsonl",
                       [v](CommandContext& c) { return import_command(c, v->files, v->dry_run); });
    import->add_option("files", v->files, "Files, or - for standard input")->required();
    import->add_flag("--dry-run", v->dry_run, "Check and count only");
    add_shards(*import);

    auto* remove = add(app_, "delete", "Removes a receipt with its vectors",
                       "tillite delete --receipt 6f1ed002-ab5f-4a3c-9d2e-0c4f5a3b2c1d 1",
                       [v](CommandContext& c) { return delete_receipt(c, v->receipt); });
    remove->add_option("--receipt", v->receipt, "IMAGE_ID RECEIPT_ID")->required()->expected(2);
  }

  void add_adoption_commands() {
    auto v = values_;
    add(app_, "doctor", "Looks for what keeps items from their embedding; changes nothing", "tillite doctor --json",
        &doctor_command);
    auto* adopt = add(app_, "adopt", "Goes on from what an earlier system left: its table, snapshots and deltas",
                      "tillite adopt --dry-run", [v](CommandContext& c) { return adopt_command(c, v->adoption); });
    adopt->add_flag("--dry-run", v->adoption.dry_run, "Say what would be done");
    adopt->add_flag("--reembed", v->adoption.reembed, "Have items embedded anew that are SUCCESS without a vector");
    auto* migrate = add(app_, "migrate", "Copies all rows and objects to another place",
                        "tillite migrate --from ./tillite-home --to aws --dry-run",
                        [v](CommandContext& c) { return migrate_command(c, v->migrate); });
    migrate->add_option("--from", v->migrate.from, "A home's folder, or aws: the table and buckets of the environment")
        ->required();
    migrate->add_option("--to", v->migrate.to, "The same; a folder that does not exist yet becomes a home")->required();
    migrate->add_flag("--dry-run", v->migrate.options.dry_run, "Say what there is to copy");
    migrate->add_option("--type", v->migrate.options.more_types, "TYPEs of further rows that go along");
  }

  void add_aws_commands() {
    auto* aws = app_.add_subcommand("aws", "The parts of the pipeline that lie on AWS");
    aws->require_subcommand(1);
    aws->fallthrough();
    aws->footer("Example: DYNAMODB_TABLE_NAME=ReceiptsTable tillite aws setup");
    add(*aws, "setup", "Makes the table if it is not there, and looks for buckets and queue (docs/aws.md)",
        "DYNAMODB_TABLE_NAME=ReceiptsTable tillite aws setup", &aws_setup_command);
  }

  void add_run_commands() {
    auto v = values_;
    auto* run = add(app_, "run", "Embeds what is new and publishes snapshots, until nothing is left to do",
                    "tillite run", [v](CommandContext& c) { return run_command(c, v->run); });
    add_entity(*run, v->run.entity);
    run->add_flag("--no-wait", v->run.no_wait, "Submit, take what is ready, and end");
    auto* budget = run->add_option("--budget", v->run.budget,
                                   "Do nothing if it would cost more: as in 0.50USD, or a number of tokens");
    auto* direct =
        run->add_option_function<std::int64_t>(
               "--direct", [this](const std::int64_t items) { parsed_.direct_items_max = std::to_string(items); },
               "If no more items are to be sent than N (default 100), ask for them at once, at twice the price")
            ->expected(0, 1)
            ->default_str("100")
            ->check(CLI::Range(0, 2048));
    auto* shards = add_shards(*run);
    // What the functions at AWS do is said by their own variables.
    add_on_aws(*run, v->run.on_aws)->excludes(budget)->excludes(direct)->excludes(shards);

    auto* plan = add(app_, "plan", "Shows what a run would send, and what it would cost", "tillite plan --entity word",
                     [v](CommandContext& c) { return plan_command(c, v->entity, v->with_aws); });
    add_entity(*plan, v->entity);
    plan->add_flag("--aws", v->with_aws, "Add what AWS would bill for it");

    auto* failed = add(app_, "failed", "Lists the items that were given up, with reasons", "tillite failed --limit 20",
                       [v](CommandContext& c) { return failed_command(c, v->entity, v->limit); });
    add_entity(*failed, v->entity);
    failed->add_option("--limit", v->limit, "At most so many")->check(CLI::Range(1, 1'000'000))->capture_default_str();
    auto* retry = add(app_, "retry", "Releases items that were given up: the next run sends them",
                      "tillite retry --all --entity word",
                      [v](CommandContext& c) { return retry_command(c, v->all, v->ids, v->entity); });
    retry->add_flag("--all", v->all, "All of them");
    retry->add_option("ids", v->ids, "Their ids, as tillite failed shows them");
    add_entity(*retry, v->entity);

    add(app_, "status", "Shows where every item is, and checks that none is lost", "tillite status", &status_command);

    auto* compact =
        add(app_, "compact", "Merges the waiting deltas of a collection now", "tillite compact receipt_lines",
            [v](CommandContext& c) { return compact_command(c, v->collection); });
    compact->add_option("collection", v->collection, "receipt_lines or receipt_words")->required();

    auto* backup =
        add(app_, "backup", "Copies the home, consistent while others use it", "tillite backup /backups/today",
            [v](CommandContext& c) { return backup_command(c, v->folder); });
    backup->add_option("folder", v->folder, "A folder that does not exist yet")->required();

    auto* gc = add(app_, "gc", "Removes what no version needs any more", "tillite gc --keep-hours 24",
                   [v](CommandContext& c) { return gc_command(c, v->dry_run, v->keep_hours); });
    gc->add_option("--keep-hours", v->keep_hours, "How long replaced versions stay readable")
        ->check(CLI::Range(0, 24 * 365))
        ->capture_default_str();
    gc->add_flag("--dry-run", v->dry_run, "Count only");
  }

  void add_generation_commands() {
    auto v = values_;
    auto* generations = app_.add_subcommand("generations", "Another model, dimensions, format or shards");
    generations->require_subcommand(0, 1);
    generations->fallthrough();
    generations->footer("Example: tillite generations start --dimensions 512");
    generations->callback([this, v] {
      if (parsed_.command) return;  // a subcommand's
      parsed_.command = [v](CommandContext& c) { return generations_list_command(c, v->generation.collection); };
    });
    const auto add_collection = [v](CLI::App& command) {
      command.add_option("--collection", v->generation.collection, "receipt_lines or receipt_words (default: both)");
    };
    auto* list = add(*generations, "list", "Lists generations, and how far one that is being built has come",
                     "tillite generations list",
                     [v](CommandContext& c) { return generations_list_command(c, v->generation.collection); });
    add_collection(*list);
    auto* start = add(*generations, "start", "Builds a generation beside the active one, and swaps it in when complete",
                      "tillite generations start --collection receipt_lines --format line/rows/1",
                      [v](CommandContext& c) { return generations_start_command(c, v->generation); });
    add_collection(*start);
    start->add_option("--model", v->generation.model, "The embedding model (default: EMBEDDING_MODEL, or as it is)");
    start->add_option("--dimensions", v->generation.dimensions, "Of its vectors (EMBEDDING_DIMENSIONS, or as it is)")
        ->check(CLI::Range(std::int64_t{1}, kDimensionsMax));
    start->add_option("--format", v->generation.format, "The input format (EMBEDDING_FORMAT_*, or as it is)");
    add_shards(*start);
    start->add_flag("--dry-run", v->generation.dry_run, "Only say what it would need");
    auto* cancel =
        add(*generations, "cancel", "Stops building a generation", "tillite generations cancel 2",
            [v](CommandContext& c) { return generations_cancel_command(c, v->version, v->generation.collection); });
    auto* resume =
        add(*generations, "resume", "Goes on with a generation that was cancelled", "tillite generations resume 2",
            [v](CommandContext& c) { return generations_resume_command(c, v->version, v->generation.collection); });
    for (CLI::App* command : {cancel, resume}) {
      command->add_option("generation", v->version, "Its number, as generations list shows it")
          ->check(CLI::Range(std::int64_t{1}, std::numeric_limits<std::int64_t>::max()))
          ->required();
      add_collection(*command);
    }
  }

  void add_search_commands() {
    auto v = values_;
    auto* query = add(app_, "query", "Finds the lines or words nearest to a text",
                      "tillite query 'oat milk' -k 5 --where '{\"receipt_id\": {\"$eq\": 1}}'",
                      [v](CommandContext& c) { return query_command(c, v->query); });
    query->add_option("text", v->query.text, "What to look for")->required();
    query->add_option("--collection", v->query.collection, "receipt_lines or receipt_words")->capture_default_str();
    query->add_option("-k", v->query.k, "How many")->check(CLI::Range(1, 10'000))->capture_default_str();
    query->add_option("--where", v->query.where, "Filter on metadata, in Chroma's language");
    query->add_option("--where-document", v->query.where_document, "Filter on the text, in Chroma's language");

    auto* get = add(app_, "get", "Shows records by their ids",
                    "tillite get 'IMAGE#6f1ed002-ab5f-4a3c-9d2e-0c4f5a3b2c1d#RECEIPT#00001#LINE#00003'",
                    [v](CommandContext& c) { return get_command(c, v->ids); });
    get->add_option("ids", v->ids, "Record ids of lines or words")->required();
  }

  void add_snapshot_commands() {
    auto v = values_;
    auto* snapshot = app_.add_subcommand("snapshot", "Published versions");
    snapshot->require_subcommand(1);
    snapshot->fallthrough();
    snapshot->footer("Example: tillite snapshot list");
    auto* list = add(*snapshot, "list", "Lists the versions that can be read", "tillite snapshot list",
                     [v](CommandContext& c) { return snapshot_list_command(c, v->all); });
    list->add_flag("--all", v->all, "Fences too");
    auto* exported = add(*snapshot, "export", "Writes the newest version as a directory that Chroma serves",
                         "tillite snapshot export receipt_lines ./chroma",
                         [v](CommandContext& c) { return snapshot_export_command(c, v->collection, v->folder); });
    exported->add_option("collection", v->collection, "receipt_lines or receipt_words")->required();
    exported->add_option("folder", v->folder, "A folder that does not exist yet, or is empty")->required();
    add_snapshot_import(*snapshot);
    auto* verify = add(*snapshot, "verify", "Checks a Chroma directory, or the newest version of a collection",
                       "tillite snapshot verify receipt_lines",
                       [v](CommandContext& c) { return snapshot_verify_command(c, v->snapshot); });
    verify->add_option("what", v->snapshot, "A directory, or receipt_lines or receipt_words")->required();
    auto* repair = add(*snapshot, "repair", "Writes a mended copy of a Chroma directory, where nothing is lost by it",
                       "tillite snapshot repair ./chroma --to ./mended",
                       [v](CommandContext& c) { return snapshot_repair_command(c, v->snapshot, v->folder); });
    repair->add_option("folder", v->snapshot, "The directory; it is not changed")->required();
    repair->add_option("--to", v->folder, "A folder that does not exist yet, or is empty")->required();
    auto* rollback =
        add(*snapshot, "rollback", "Publishes an older version's content anew", "tillite snapshot rollback 12",
            [v](CommandContext& c) { return snapshot_rollback_command(c, v->version, v->collection); });
    rollback->add_option("version", v->version, "Its number, as snapshot list shows it")
        ->check(CLI::Range(std::int64_t{1}, std::numeric_limits<std::int64_t>::max()))
        ->required();
    rollback->add_option("collection", v->collection, "receipt_lines or receipt_words; not needed if only one has it");
  }

  void add_snapshot_import(CLI::App& snapshot) {
    auto v = values_;
    auto* import = add(snapshot, "import", "Takes the records of a Chroma directory in",
                       "tillite snapshot import ./chroma --collection teas --into receipt_lines",
                       [v](CommandContext& c) { return snapshot_import_command(c, v->snapshot_import); });
    import->add_option("folder", v->snapshot_import.folder, "A directory that a Chroma server, or export, wrote")
        ->required();
    import->add_option("--collection", v->snapshot_import.collection,
                       "Its collection (default: the only one, or the one called like ours)");
    import->add_option("--into", v->snapshot_import.into,
                       "receipt_lines or receipt_words (default: the one called like the directory's)");
    add_shards(*import);
  }

  void add_delta_commands() {
    auto v = values_;
    auto* delta = app_.add_subcommand("delta", "Deltas that are Chroma directories");
    delta->require_subcommand(1);
    delta->fallthrough();
    delta->footer("Example: tillite delta import ./lines/delta");
    auto* import = add(*delta, "import", "Takes deltas in that are Chroma directories, or .tar.gz of one",
                       "tillite delta import ./lines/delta",
                       [v](CommandContext& c) { return delta_import_command(c, v->delta_import); });
    import->add_option("places", v->delta_import.places,
                       "Deltas, or folders of such (default: lines/delta and words/delta in the home's store)");
    import->add_option("--collection", v->delta_import.collection,
                       "Their collection (default: the only one, or the one called like ours)");
    import->add_option("--into", v->delta_import.into,
                       "receipt_lines or receipt_words (default: the one called like theirs)");
  }

  void add_batches_commands() {
    auto v = values_;
    auto* batches = app_.add_subcommand("batches", "What is, or was, at the provider");
    batches->require_subcommand(1);
    batches->fallthrough();
    batches->footer("Example: tillite batches list");
    auto* list = add(*batches, "list", "Lists the batches that are open", "tillite batches list --status FAILED",
                     [v](CommandContext& c) { return batches_list_command(c, v->status, v->all); });
    list->add_option("--status", v->status, "Only those: PREPARED, PENDING, IN_PROGRESS, FAILED, ...");
    list->add_flag("--all", v->all, "Those that have ended, too");
    auto* show = add(*batches, "show", "Shows all that is known of a batch, here and at the provider",
                     "tillite batches show 0b9a4c1e-6d1f-4c57-9f3a-2f8f5f5f9a10",
                     [v](CommandContext& c) { return batches_show_command(c, v->execution); });
    show->add_option("id", v->execution, "The batch's id, as batches list shows it")->required();
    auto* cancel =
        add(*batches, "cancel", "Cancels batches; what they have by then is kept", "tillite batches cancel --all",
            [v](CommandContext& c) { return batches_cancel_command(c, v->all, v->ids); });
    cancel->add_flag("--all", v->all, "All that have no vectors yet");
    cancel->add_option("ids", v->ids, "Their ids, as batches list shows them");
    auto* reconcile = add(*batches, "reconcile", "Finds batches and files at the provider that nobody here waits for",
                          "tillite batches reconcile --cancel --dry-run",
                          [v](CommandContext& c) { return batches_reconcile_command(c, v->reconcile); });
    auto* adopt = reconcile->add_flag("--adopt", v->reconcile.adopt,
                                      "Adopt batches whose row waits for them, delete files; list the others");
    reconcile->add_flag("--cancel", v->reconcile.cancel, "The same, and cancel the others")->excludes(adopt);
    reconcile->add_flag("--dry-run", v->reconcile.dry_run, "Say what would be done");
  }

  void add_cache_commands() {
    auto* cache = app_.add_subcommand("cache", "The vectors that were paid for, by their text");
    cache->require_subcommand(1);
    cache->fallthrough();
    cache->footer("Example: tillite cache status");
    add(*cache, "status", "How many there are, and how much room they have", "tillite cache status",
        &cache_status_command);
    add(*cache, "verify", "Reads them all, and removes what is damaged", "tillite cache verify", &cache_verify_command);
    add(*cache, "clear", "Removes them all: equal texts are paid for again", "tillite cache clear",
        &cache_clear_command);
  }

  void add_queue_commands() {
    auto v = values_;
    auto* queue = app_.add_subcommand("queue", "Messages that tell of new deltas");
    queue->require_subcommand(1);
    queue->fallthrough();
    queue->footer("Example: tillite queue list --dead");
    auto* list = add(*queue, "list", "Lists the messages that wait", "tillite queue list --dead",
                     [v](CommandContext& c) { return queue_list_command(c, v->all); });
    list->add_flag("--dead", v->all, "Those that nobody could work on, with their reasons");
    auto* send = add(*queue, "send", "Sends a message; the next run or serve works on it",
                     "tillite queue send '{\"collection\": \"receipt_lines\"}'",
                     [v](CommandContext& c) { return queue_send_command(c, v->body); });
    send->add_option("body", v->body, "JSON (docs/formats/queue-messages.md)")->required();
    auto* redrive = add(*queue, "redrive", "Brings dead letters back", "tillite queue redrive --all",
                        [v](CommandContext& c) { return queue_redrive_command(c, v->all, v->ids); });
    redrive->add_flag("--all", v->all, "All of them");
    redrive->add_option("ids", v->ids, "Their ids, as queue list --dead shows them");
  }

  void add_workflow_commands() {
    auto v = values_;
    auto* workflow = app_.add_subcommand("workflow", "Single executions of the state machines");
    workflow->require_subcommand(1);
    workflow->fallthrough();
    workflow->footer("Example: tillite workflow start create-batches-sf");
    auto* start =
        add(*workflow, "start", "Walks a state machine to its end",
            "tillite workflow start poll-store-sf --input '{\"max_concurrency\": 4}'", [v](CommandContext& c) {
              c.host.keeps_history = !v->no_history;
              return workflow_start_command(c, v->name, v->input, v->on_aws);
            });
    start->add_flag("--no-history", v->no_history, "Keeps no events; the execution is as durable as with them");
    start->add_option("name", v->name, "The state machine, or a file NAME.asl.json")->required();
    start->add_option("--input", v->input, "JSON")->capture_default_str();
    add_on_aws(*start, v->on_aws)->excludes("--no-history");
    auto* list = add(*workflow, "list", "Lists executions, newest first", "tillite workflow list",
                     [v](CommandContext& c) { return workflow_list_command(c, v->on_aws); });
    add_on_aws(*list, v->on_aws);
    auto* describe = add(*workflow, "describe", "Shows an execution", "tillite workflow describe ID",
                         [v](CommandContext& c) { return workflow_describe_command(c, v->execution); });
    describe->add_option("id", v->execution, "The execution's id, or its ARN at AWS")->required();
    auto* history = add(*workflow, "history", "Shows an execution's events", "tillite workflow history ID",
                        [v](CommandContext& c) { return workflow_history_command(c, v->execution); });
    history->add_option("id", v->execution, "The execution's id, or its ARN at AWS")->required();
    auto* stop = add(*workflow, "stop", "Ends an execution where it stands", "tillite workflow stop ID",
                     [v](CommandContext& c) { return workflow_stop_command(c, v->execution); });
    stop->add_option("id", v->execution, "The execution's id, or its ARN at AWS")->required();
    auto* resume =
        add(*workflow, "resume", "Walks an execution that was cut off to its end", "tillite workflow resume ID",
            [v](CommandContext& c) { return workflow_resume_command(c, v->execution); });
    resume->add_option("id", v->execution, "The execution's id, or its ARN at AWS")->required();
    auto* redrive =
        add(*workflow, "redrive", "Has an execution that failed go on where it did", "tillite workflow redrive ID",
            [v](CommandContext& c) { return workflow_redrive_command(c, v->execution); });
    redrive->add_option("id", v->execution, "The execution's id, or its ARN at AWS")->required();
    auto* test = add(*workflow, "test", "Runs cases that say how a state machine behaves (docs/conformance.md)",
                     "tillite workflow test CASE.json...",
                     [v](CommandContext& c) { return workflow_test_command(c, v->files); });
    test->add_option("CASE", v->files, "Files, one case each")->required();
    auto* validate = add(*workflow, "validate", "Says what is wrong with definitions, as AWS does",
                         "tillite workflow validate FILE.asl.json",
                         [v](CommandContext& c) { return workflow_validate_command(c, v->files, v->express); });
    validate->add_option("FILE", v->files, "Definitions")->required();
    validate->add_flag("--express", v->express, "Of EXPRESS state machines");
    add_test_state(*workflow);
  }

  void add_test_state(CLI::App& workflow) {
    auto v = values_;
    TestStateOptions& of = v->test_state;
    auto* test = add(workflow, "test-state", "Visits one state and shows what it does, as AWS's TestState",
                     "tillite workflow test-state machine.asl.json --state Poll --mock-result '{}' --level DEBUG",
                     [v](CommandContext& c) { return workflow_test_state_command(c, v->test_state); });
    test->add_option("FILE", of.file, "The definition of a state, or of a state machine")->required();
    test->add_option("--state", of.state, "The state, if the file holds a state machine");
    test->add_option("--input", of.input, "JSON")->capture_default_str();
    test->add_option("--level", of.level, "INFO, DEBUG or TRACE: from DEBUG on with the data in between")
        ->capture_default_str();
    auto* result = test->add_option("--mock-result", of.result, "JSON: what a Task, Map or Parallel yields");
    auto* error =
        test->add_option("--mock-error", of.error, "The name of the error that it ends with")->excludes(result);
    test->add_option("--mock-cause", of.cause, "The error's cause")->needs(error);
    test->add_option("--context", of.context, "JSON: the context object");
    test->add_option("--variables", of.variables, "JSON: the variables when the state is entered");
    test->add_option("--configuration", of.configuration,
                     "JSON: the API's stateConfiguration, as in {\"retrierRetryCount\": 2}");
  }

  void add_serve_command() {
    auto v = values_;
    auto* serve = add(app_, "serve", "Answers AWS's own programs on 127.0.0.1 (docs/serve.md)",
                      "tillite serve --port 8765", [v](CommandContext& c) { return serve_command(c, v->serve); });
    serve->add_option("--port", v->serve.port, "Where; 0: any port that is free")
        ->check(CLI::Range(0, kPortMax))
        ->capture_default_str();
    serve->add_flag("--allow-commands", v->serve.runs_commands,
                    "Tasks may be programs (command:): whoever may create a state machine may run any");
    serve->add_flag("!--no-compaction", v->serve.compacts, "Leave the queue's messages to who receives them");
  }

  void add_lambda_host_command() {
    auto v = values_;
    LambdaHostOptions& of = v->lambda_host;
    auto* host = add(app_, "lambda-host", "Runs functions as AWS Lambda does, on 127.0.0.1 (docs/lambda.md)",
                     "tillite lambda-host --bootstrap ./bootstrap --env LOG_LEVEL=DEBUG",
                     [v](CommandContext& c) { return lambda_host_command(c, v->lambda_host); });
    host->add_option("--port", of.port, "Where; 0: any port that is free")
        ->check(CLI::Range(0, kPortMax))
        ->capture_default_str();
    host->add_option("--bootstrap", of.bootstrap, "The program of the steps' functions (default: beside this one)");
    host->add_option("--functions", of.functions_file, "A file of other functions: JSON (docs/lambda.md)");
    host->add_option("--env", of.variables, "NAME=VALUE: a variable of every function; may be repeated")
        ->allow_extra_args(false);
    host->add_option("--concurrency", of.at_once_max, "Invocations at once; more are answered with status 429")
        ->check(CLI::Range(1, kHostedAtOnceMax))
        ->capture_default_str();
    host->add_option("--idle-seconds", of.idle_seconds, "After which a process without work is ended")
        ->check(CLI::Range(std::int64_t{0}, kIdleSecondsMax))
        ->capture_default_str();
  }

  void add_openai_emulator_command() {
    auto v = values_;
    OpenAiEmulatorOptions& of = v->emulator;
    auto* emulator = add(app_, "openai-emulator", "Behaves as OpenAI's files, batches and embeddings, on 127.0.0.1",
                         "tillite openai-emulator --port 8766 --faults 429=0.05,cut=0.02 --seed 7",
                         [v](CommandContext& c) { return openai_emulator_command(c, v->emulator); });
    emulator->add_option("--port", of.port, "Where; 0: any port that is free")
        ->check(CLI::Range(0, kPortMax))
        ->capture_default_str();
    emulator->add_option("--folder", of.folder, "Where it keeps files and batches; no home")->capture_default_str();
    emulator->add_option("--faults", of.faults, "How it misbehaves: NAME=VALUE,... (docs/openai-emulator.md)");
    emulator->add_option("--seed", of.seed, "The same seed and requests make the same faults")->capture_default_str();
    emulator->add_option("--latency", of.latency, "How long things take: 2s, or in-progress=1m,request=20ms,...");
    emulator->add_option("--models", of.models, "NAME=DIMENSIONS,... (default: OpenAI's three)");
    emulator->add_option("--api-key", of.api_key, "The one key that is accepted (default: any)");
    emulator->add_option("--enqueued-tokens", of.enqueued_tokens_max, "Tokens of a model that may be in progress")
        ->capture_default_str();
  }

  static Result<int> delete_receipt(CommandContext& context, const std::vector<std::string>& receipt) {
    int receipt_id = 0;
    const std::string& text = receipt.at(1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), receipt_id);
    if (error != std::errc() || end != text.data() + text.size() || receipt_id < 1) {
      return fail(Code::usage, "RECEIPT_ID must be a whole number from 1 up, but is '{}'", text);
    }
    return delete_command(context, receipt.at(0), receipt_id);
  }

  ParsedCommandLine& parsed_;
  CLI::App app_;
  std::shared_ptr<Values> values_ = std::make_shared<Values>();
};

}  // namespace

ParsedCommandLine parse_command_line(std::vector<std::string> arguments, const Environment& environment) {
  ParsedCommandLine parsed;
  Parser parser(parsed, environment);
  parser.parse(std::move(arguments));
  return parsed;
}

}  // namespace tillite
