// The bucket of deltas, manifests and snapshots (CHROMADB_BUCKET).
import type * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";

import { accountBucketName, type Naming, TilliteComponent } from "./base.ts";
import { type Expiration, PrivateBucket } from "./private_bucket.ts";

export interface ChromaDBBucketsArgs {
  readonly naming: Naming;
  readonly accountId: pulumi.Input<string>;
  readonly region: pulumi.Input<string>;
  readonly protect: boolean;
}

/**
 * What goes by age in the bucket of vectors: only what is made anew from the deltas when it is missing. Deltas,
 * manifests and snapshots were paid for, and a pipeline may stand still for weeks; those that nothing needs any more
 * are removed by `gc`. 15 days, because an execution can be redriven for 14.
 */
export const VECTOR_EXPIRATIONS: readonly Expiration[] = [{ prefix: "intermediate/", days: 15 }];

export class ChromaDBBuckets extends TilliteComponent {
  readonly vectors: aws.s3.Bucket;

  constructor(name: string, args: ChromaDBBucketsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("ChromaDBBuckets", name, args.naming, opts);
    this.vectors = new PrivateBucket(
      `${name}-vectors`,
      {
        naming: args.naming,
        bucketName: accountBucketName("chromadb-vectors", args),
        protect: args.protect,
        expirations: VECTOR_EXPIRATIONS,
      },
      { parent: this },
    ).bucket;
    this.registerOutputs({ vectors: this.vectors.id });
  }
}
