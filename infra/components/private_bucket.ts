// A bucket that nobody sees by accident: versions are kept, public access is blocked, everything is encrypted and comes
// by TLS.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { type Naming, policyDocument, TilliteComponent, tlsOnly } from "./base.ts";

type LifecycleRule = aws.types.input.s3.BucketLifecycleConfigurationRule;

export interface PrivateBucketArgs {
  readonly naming: Naming;
  /** The bucket's name, without the suffix: unique among all buckets of the world. */
  readonly bucketName: pulumi.Input<string>;
  /** Keeps `pulumi destroy` from removing it. */
  readonly protect: boolean;
  /** What goes by age, by prefix. */
  readonly expirations: readonly Expiration[];
}

export interface Expiration {
  /** Ends with "/". */
  readonly prefix: string;
  readonly days: number;
}

/** How long an object that was removed or replaced can be brought back, in days. */
export const NONCURRENT_DAYS = 30;
/** What an upload that was cut off leaves is removed after so many days. */
export const UNFINISHED_UPLOAD_DAYS = 7;

export class PrivateBucket extends TilliteComponent {
  readonly bucket: aws.s3.Bucket;

  constructor(name: string, args: PrivateBucketArgs, opts?: pulumi.ComponentResourceOptions) {
    super("PrivateBucket", name, args.naming, opts);
    this.bucket = new aws.s3.Bucket(
      name,
      { bucket: pulumi.interpolate`${args.bucketName}${args.naming.suffix}`, tags: this.tags() },
      this.child({ protect: args.protect }),
    );
    const bucket = this.bucket.id;
    const isPrivate = new aws.s3.BucketPublicAccessBlock(
      name,
      { bucket, blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true },
      this.child(),
    );
    new aws.s3.BucketOwnershipControls(
      name,
      { bucket, rule: { objectOwnership: "BucketOwnerEnforced" } },
      this.child({ dependsOn: [isPrivate] }),
    );
    const versioning = new aws.s3.BucketVersioning(
      name,
      { bucket, versioningConfiguration: { status: "Enabled" } },
      this.child(),
    );
    new aws.s3.BucketServerSideEncryptionConfiguration(
      name,
      { bucket, rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }] },
      this.child(),
    );
    new aws.s3.BucketPolicy(
      name,
      { bucket, policy: policyDocument([tlsOnly("s3", [this.bucket.arn, pulumi.interpolate`${this.bucket.arn}/*`])]) },
      this.child({ dependsOn: [isPrivate] }),
    );
    new aws.s3.BucketLifecycleConfiguration(
      name,
      { bucket, rules: lifecycleRules(args.expirations) },
      this.child({ dependsOn: [versioning] }),
    );
    this.registerOutputs({ bucket: this.bucket.id, arn: this.bucket.arn });
  }
}

/** Of the bucket's current objects only those below the prefixes go. */
function lifecycleRules(expirations: readonly Expiration[]): LifecycleRule[] {
  const byAge = expirations.map(({ prefix, days }) => ({
    id: `expire-${prefix.replaceAll("/", "").replaceAll("_", "-")}`,
    status: "Enabled",
    filter: { prefix },
    expiration: { days },
  }));
  return [
    ...byAge,
    {
      id: "unfinished-uploads",
      status: "Enabled",
      filter: { prefix: "" },
      abortIncompleteMultipartUpload: { daysAfterInitiation: UNFINISHED_UPLOAD_DAYS },
    },
    {
      id: "noncurrent-versions",
      status: "Enabled",
      filter: { prefix: "" },
      noncurrentVersionExpiration: { noncurrentDays: NONCURRENT_DAYS },
      expiration: { expiredObjectDeleteMarker: true },
    },
  ];
}
