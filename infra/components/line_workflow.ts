// The workflow of lines: create-batches-sf and poll-store-sf.
import type * as pulumi from "@pulumi/pulumi";

import { EmbeddingWorkflow, type EmbeddingWorkflowArgs } from "./embedding_workflow.ts";

export const LINE_MACHINES = { submit: "create-batches-sf", poll: "poll-store-sf" } as const;

export class LineEmbeddingWorkflow extends EmbeddingWorkflow {
  constructor(name: string, args: EmbeddingWorkflowArgs, opts?: pulumi.ComponentResourceOptions) {
    super("LineEmbeddingWorkflow", name, LINE_MACHINES, args, opts);
  }
}
