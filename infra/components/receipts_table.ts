// The table of receipts, batches and locks (docs/formats/table.md).
import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";

import { type Naming, TilliteComponent } from "./base.ts";

export interface ReceiptsTableArgs {
  readonly naming: Naming;
  /** Keeps `pulumi destroy`, and AWS itself, from removing it. */
  readonly protect: boolean;
}

export const TABLE = "receipts";
const INDEXES = ["GSI1", "GSI2", "GSI3"] as const;

export class ReceiptsTable extends TilliteComponent {
  readonly table: aws.dynamodb.Table;

  constructor(name: string, args: ReceiptsTableArgs, opts?: pulumi.ComponentResourceOptions) {
    super("ReceiptsTable", name, args.naming, opts);
    const keys = ["PK", "SK", ...INDEXES.flatMap((index) => [`${index}PK`, `${index}SK`]), "TYPE"];
    this.table = new aws.dynamodb.Table(
      name,
      {
        name: this.physicalName(TABLE),
        billingMode: "PAY_PER_REQUEST",
        hashKey: "PK",
        rangeKey: "SK",
        attributes: keys.map((key) => ({ name: key, type: "S" })),
        globalSecondaryIndexes: [
          ...INDEXES.map((index) => ({
            name: index,
            keySchemas: [
              { attributeName: `${index}PK`, keyType: "HASH" },
              { attributeName: `${index}SK`, keyType: "RANGE" },
            ],
            projectionType: "ALL",
          })),
          { name: "GSITYPE", keySchemas: [{ attributeName: "TYPE", keyType: "HASH" }], projectionType: "ALL" },
        ],
        ttl: { attributeName: "time_to_live", enabled: true },
        pointInTimeRecovery: { enabled: true },
        deletionProtectionEnabled: args.protect,
        tags: this.tags(),
      },
      this.child({ protect: args.protect }),
    );
    this.registerOutputs({ tableName: this.table.name, arn: this.table.arn });
  }
}
