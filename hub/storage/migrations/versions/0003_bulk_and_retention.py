"""bulk and retention"""

import sqlalchemy as sa
from alembic import op

from catalog.tables import Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bulk_runs",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column(
            "owner_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column(
            "asking_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("system_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("case_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("interface", sa.String(length=64), nullable=False),
        sa.Column("grant_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("ordered", sa.JSON(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True
        ),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("subjects", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(length=40), nullable=False),
        sa.Column("file", sa.JSON(), nullable=False),
        sa.Column("decision", sa.JSON(), nullable=False),
        sa.Column("manifest", sa.LargeBinary(), nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("outcomes", sa.JSON(), nullable=False),
        sa.Column("downloads", sa.Integer(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("lease", sa.String(length=36), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("pauses", sa.Integer(), nullable=False),
        sa.Column("paused_until", Instant(), nullable=True),
        sa.Column("paused_why", sa.String(length=40), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["asking_department_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["owner_department_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("bulk_runs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bulk_runs_asking_department_id"), ["asking_department_id"], unique=False)
        batch_op.create_index("ix_bulk_runs_due", ["state"], unique=False)
        batch_op.create_index(batch_op.f("ix_bulk_runs_owner_department_id"), ["owner_department_id"], unique=False)
        batch_op.create_index("ix_bulk_runs_system", ["system_id", "state"], unique=False)

    op.create_table(
        "bulk_subjects",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("run_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("place", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("result", sa.LargeBinary(), nullable=True),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True
        ),
        sa.ForeignKeyConstraint(["run_id"], ["bulk_runs.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("run_id", "place"),
    )
    with op.batch_alter_table("bulk_subjects", schema=None) as batch_op:
        batch_op.create_index("ix_bulk_subjects_waiting", ["run_id", "state", "number"], unique=False)

    with op.batch_alter_table("collection_batches", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reasons", sa.JSON(), nullable=True))

    with op.batch_alter_table("disclosure_uses", schema=None) as batch_op:
        batch_op.create_index("ix_disclosure_uses_age", ["system_id", "used_at"], unique=False)

    with op.batch_alter_table("pushed_batches", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pushed_batches_received_at"), ["received_at"], unique=False)

    with op.batch_alter_table("staff", schema=None) as batch_op:
        batch_op.add_column(sa.Column("opened_at", Instant(), nullable=True))
        batch_op.add_column(
            sa.Column("opened_by", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True)
        )
        batch_op.add_column(
            sa.Column("link_by", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True)
        )
        batch_op.add_column(sa.Column("link_until", Instant(), nullable=True))

    with op.batch_alter_table("staff_links", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("made_by", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True)
        )

    with op.batch_alter_table("webhook_deliveries", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_webhook_deliveries_changed_at"), ["changed_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("webhook_deliveries", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_webhook_deliveries_changed_at"))

    with op.batch_alter_table("staff_links", schema=None) as batch_op:
        batch_op.drop_column("made_by")

    with op.batch_alter_table("staff", schema=None) as batch_op:
        batch_op.drop_column("link_until")
        batch_op.drop_column("link_by")
        batch_op.drop_column("opened_by")
        batch_op.drop_column("opened_at")

    with op.batch_alter_table("pushed_batches", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pushed_batches_received_at"))

    with op.batch_alter_table("disclosure_uses", schema=None) as batch_op:
        batch_op.drop_index("ix_disclosure_uses_age")

    with op.batch_alter_table("collection_batches", schema=None) as batch_op:
        batch_op.drop_column("reasons")

    with op.batch_alter_table("bulk_subjects", schema=None) as batch_op:
        batch_op.drop_index("ix_bulk_subjects_waiting")

    op.drop_table("bulk_subjects")
    with op.batch_alter_table("bulk_runs", schema=None) as batch_op:
        batch_op.drop_index("ix_bulk_runs_system")
        batch_op.drop_index(batch_op.f("ix_bulk_runs_owner_department_id"))
        batch_op.drop_index("ix_bulk_runs_due")
        batch_op.drop_index(batch_op.f("ix_bulk_runs_asking_department_id"))

    op.drop_table("bulk_runs")
