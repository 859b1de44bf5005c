// aws setup: the table on DynamoDB, and whether the other parts of the pipeline are there.
#include "adapters/aws/dynamodb_setup.h"
#include "adapters/local/system_clock.h"
#include "app/commands/commands.h"
#include "app/parts/aws_clients.h"
#include "app/parts/aws_parts.h"

namespace tillite {
namespace {

/// What became of a part.
struct Part {
  std::string variable;
  std::string name;
  std::string state;  ///< "made", "there", or why it is neither
  std::optional<Error> error;
};

class Setup {
 public:
  explicit Setup(const CommandContext& context) : environment_(context.host.environment) {}

  /// Notes what `look` finds of the part that a variable names, which is `part`; without one, that there is none.
  template <typename Opened, typename Look>
  void add(const std::string& variable, const std::unique_ptr<Opened>& part, const Look& look) {
    Part noted{.variable = variable, .name = environment_(variable).value_or(""), .state = "", .error = {}};
    if (part == nullptr) {
      noted.state = "not named";
    } else if (const Result<std::string> state = look(*part); state) {
      noted.state = *state;
    } else {
      noted.state = state.error().message();
      noted.error = state.error().in(fmt::format("the variable {}", variable));
    }
    parts_.push_back(std::move(noted));
  }

  /// Prints all; the command's end.
  [[nodiscard]] Result<int> report(const Output& output) const {
    Json json = {{"parts", Json::array()}};
    std::optional<Error> first;
    for (const Part& part : parts_) {
      output.line("{:<21} {}{}{}", part.variable, part.name, part.name.empty() ? "" : ": ", part.state);
      json["parts"].push_back({{"variable", part.variable},
                               {"name", part.name},
                               {"state", state_of(part)},
                               {"error", part.error ? Json(part.state) : Json()}});
      if (!first) first = part.error;
    }
    output.json(json);
    if (first) return std::unexpected(*first);
    return kDone;
  }

 private:
  static std::string state_of(const Part& part) {
    if (!part.error) return part.state;
    return part.error->code() == Code::not_found ? "missing" : "failed";
  }

  const Environment& environment_;
  std::vector<Part> parts_;
};

/// What is named by no possible name was refused before: what a service calls invalid now is not there.
std::unexpected<Error> not_there(const Error& error) {
  return std::unexpected(error.code() == Code::invalid_input ? Error(Code::not_found, error.message()) : error);
}

Result<std::string> look_into_bucket(ObjectStore& bucket) {
  const auto listed = bucket.list("", "", 1);
  if (!listed) return not_there(listed.error());
  return "there";
}

Result<std::string> look_into_queue(Queue& queue) {
  const auto counted = queue.counts();
  if (!counted) return not_there(counted.error());
  return "there";
}

}  // namespace

Result<int> aws_setup_command(CommandContext& context) {
  SystemClock clock;
  SystemRandom random;
  const PipelineHost::Options& host = context.host;
  const AwsParts parts = TRY(open_aws_parts(host.environment, std::filesystem::temp_directory_path(), clock, random,
                                            host.log, {.objects = host.stop, .rows = host.stop}));
  if (!parts.table && !parts.vectors && !parts.batch_files && !parts.queue) {
    return fail(Code::invalid_input,
                "nothing is named: set DYNAMODB_TABLE_NAME, CHROMADB_BUCKET, S3_BUCKET, COMPACTION_QUEUE_URL, or some");
  }
  const AwsClients clients = TRY(AwsClients::open(host.environment, clock, random, host.log));
  Setup setup(context);
  setup.add("DYNAMODB_TABLE_NAME", parts.table, [&](Table& /*table*/) -> Result<std::string> {
    const auto dynamodb = clients.of(AwsApi::dynamodb);
    const std::string name = host.environment("DYNAMODB_TABLE_NAME").value_or("");
    return TRY(create_dynamodb_table(*dynamodb, name, clock, host.log, host.stop)) ? "made" : "there";
  });
  setup.add("CHROMADB_BUCKET", parts.vectors, look_into_bucket);
  setup.add("S3_BUCKET", parts.batch_files, look_into_bucket);
  setup.add("COMPACTION_QUEUE_URL", parts.queue, look_into_queue);
  return setup.report(context.output);
}

}  // namespace tillite
