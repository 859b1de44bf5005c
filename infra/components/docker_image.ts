// The repository of the container image that the larger steps run in, and the one image that a deployment takes from
// it.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { type Naming, policyDocument, TilliteComponent } from "./base.ts";

export interface DockerImageArgs {
  readonly naming: Naming;
  readonly accountId: pulumi.Input<string>;
  readonly region: pulumi.Input<string>;
  /** "sha256:..." of the manifest of a single-platform image (linux/arm64); absent as long as none was pushed. */
  readonly digest?: string;
}

export const REPOSITORY = "tillite";
const TAGGED_KEPT = 10;
const UNTAGGED_DAYS = 30;

export class DockerImageComponent extends TilliteComponent {
  readonly repository: aws.ecr.Repository;
  /** The image by its digest, which is what a function runs whatever its tags say; absent without a digest. */
  readonly imageUri?: pulumi.Output<string>;

  constructor(name: string, args: DockerImageArgs, opts?: pulumi.ComponentResourceOptions) {
    super("DockerImageComponent", name, args.naming, opts);
    this.repository = new aws.ecr.Repository(
      name,
      {
        name: this.physicalName(REPOSITORY),
        imageTagMutability: "IMMUTABLE",
        imageScanningConfiguration: { scanOnPush: true },
        encryptionConfigurations: [{ encryptionType: "AES256" }],
        tags: this.tags(),
      },
      this.child(),
    );
    new aws.ecr.LifecyclePolicy(
      name,
      { repository: this.repository.name, policy: JSON.stringify({ rules: lifecycleRules() }) },
      this.child(),
    );
    new aws.ecr.RepositoryPolicy(
      name,
      {
        repository: this.repository.name,
        policy: policyDocument([
          {
            Sid: "LambdaPulls",
            Effect: "Allow",
            Principal: { Service: "lambda.amazonaws.com" },
            Action: ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            Condition: {
              ArnLike: {
                "aws:SourceArn": pulumi.interpolate`arn:aws:lambda:${args.region}:${args.accountId}:function:*`,
              },
            },
          },
        ]),
      },
      this.child(),
    );
    if (args.digest !== undefined) {
      this.imageUri = pulumi.interpolate`${this.repository.repositoryUrl}@${args.digest}`;
    }
    this.registerOutputs({ repositoryUrl: this.repository.repositoryUrl });
  }
}

function lifecycleRules() {
  return [
    {
      rulePriority: 1,
      description: `untagged images go after ${UNTAGGED_DAYS.toString()} days`,
      selection: {
        tagStatus: "untagged",
        countType: "sinceImagePushed",
        countUnit: "days",
        countNumber: UNTAGGED_DAYS,
      },
      action: { type: "expire" },
    },
    {
      rulePriority: 2,
      description: `the newest ${TAGGED_KEPT.toString()} tagged images stay`,
      selection: {
        tagStatus: "tagged",
        tagPatternList: ["*"],
        countType: "imageCountMoreThan",
        countNumber: TAGGED_KEPT,
      },
      action: { type: "expire" },
    },
  ];
}
