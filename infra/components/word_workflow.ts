// The workflow of words: create-word-batches-sf and poll-word-embeddings-sf.
import type * as pulumi from "@pulumi/pulumi";

import { EmbeddingWorkflow, type EmbeddingWorkflowArgs } from "./embedding_workflow.ts";

export const WORD_MACHINES = { submit: "create-word-batches-sf", poll: "poll-word-embeddings-sf" } as const;

export class WordEmbeddingWorkflow extends EmbeddingWorkflow {
  constructor(name: string, args: EmbeddingWorkflowArgs, opts?: pulumi.ComponentResourceOptions) {
    super("WordEmbeddingWorkflow", name, WORD_MACHINES, args, opts);
  }
}
