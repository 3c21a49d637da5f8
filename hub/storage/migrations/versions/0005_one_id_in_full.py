"""one id in full"""

import sqlalchemy as sa
from alembic import op

from catalog.tables import Instant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ledger_witness_calls",
        sa.Column("witness_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("witness_id"),
    )
    op.create_table(
        "planned_closures",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("begins_at", Instant(), nullable=False),
        sa.Column("ends_at", Instant(), nullable=False),
        sa.Column("note_zh", sa.String(length=200), nullable=False),
        sa.Column("note_en", sa.String(length=200), nullable=False),
        sa.Column("announced_at", Instant(), nullable=False),
        sa.Column("cancelled_at", Instant(), nullable=True),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("planned_closures", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_planned_closures_ends_at"), ["ends_at"], unique=False)

    op.create_table(
        "rating_tally",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("upto", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("sums", sa.JSON(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "department_superiors",
        sa.Column("department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("superior_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.Column("legal_basis", sa.String(length=200), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["superior_id"], ["departments.id"]),
        sa.PrimaryKeyConstraint("department_id"),
    )
    op.create_table(
        "wallet_bonds",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("subject_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("configuration", sa.String(length=64), nullable=False),
        sa.Column("certificate_ids", sa.JSON(), nullable=False),
        sa.Column("by_identifier", sa.Boolean(), nullable=False),
        sa.Column("thumbprint", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.String(length=300), nullable=False),
        sa.Column("refresh_hash", sa.String(length=64), nullable=True),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("wallet_bonds", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_wallet_bonds_subject_id"), ["subject_id"], unique=False)

    op.create_table(
        "certificate_copies",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("version_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("subject_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("status_list", sa.Integer(), nullable=False),
        sa.Column("status_index", sa.Integer(), nullable=False),
        sa.Column("licence_status", sa.String(length=12), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"]),
        sa.ForeignKeyConstraint(["version_id"], ["certificate_versions.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("status_list", "status_index"),
    )
    with op.batch_alter_table("certificate_copies", schema=None) as batch_op:
        batch_op.create_index(
            "ix_certificate_copies_listed",
            ["status_list", "id"],
            unique=False,
            sqlite_where=sa.text("(ended_at IS NOT NULL OR licence_status <> 'valid')"),
            postgresql_where=sa.text("(ended_at IS NOT NULL OR licence_status <> 'valid')"),
        )
        batch_op.create_index(batch_op.f("ix_certificate_copies_subject_id"), ["subject_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_certificate_copies_version_id"), ["version_id"], unique=False)

    op.create_table(
        "rating_codes",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("case_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("party_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["party_id"], ["case_parties.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("case_id", "party_id"),
        sa.UniqueConstraint("code_hash"),
    )
    op.create_table(
        "wallet_batches",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("bond_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("subject_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column(
            "certificate_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("copies", sa.Integer(), nullable=False),
        sa.Column("told", sa.String(length=10), nullable=True),
        sa.Column("made_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["bond_id"], ["wallet_bonds.id"]),
        sa.ForeignKeyConstraint(["certificate_id"], ["certificates.id"]),
        sa.ForeignKeyConstraint(["id"], ["certificate_copies.id"]),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("wallet_batches", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_wallet_batches_bond_id"), ["bond_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_wallet_batches_subject_id"), ["subject_id"], unique=False)

    with op.batch_alter_table("case_events", schema=None) as batch_op:
        batch_op.add_column(sa.Column("interface", sa.String(length=64), nullable=True))

    with op.batch_alter_table("case_ratings", schema=None) as batch_op:
        batch_op.add_column(sa.Column("mac", sa.LargeBinary(), nullable=True))
        batch_op.create_index(batch_op.f("ix_case_ratings_follow_up_id"), ["follow_up_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_case_ratings_ledger_entry_id"), ["ledger_entry_id"], unique=False)

    with op.batch_alter_table("holder_authorisations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("ends_at", Instant(), nullable=True))

    with op.batch_alter_table("holder_case_questions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("asked_on", sa.String(length=10), nullable=True))
        batch_op.create_index("ix_holder_case_questions_asked_on", ["subject_id", "grant_id", "asked_on"], unique=True)

    with op.batch_alter_table("late_orders", schema=None) as batch_op:
        batch_op.add_column(sa.Column("whom", sa.LargeBinary(), nullable=True))

    with op.batch_alter_table("ledger_witnesses", schema=None) as batch_op:
        batch_op.add_column(sa.Column("url", sa.String(length=500), nullable=True))

    with op.batch_alter_table("presentations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("once", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("once_hash", sa.String(length=64), nullable=True))
        batch_op.create_index("ix_presentations_once", ["once"], unique=True)

    with op.batch_alter_table("showings", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("shown_by", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True)
        )
        batch_op.create_index("ix_showings_shown_by", ["shown_by", "id"], unique=False)

    with op.batch_alter_table("staff", schema=None) as batch_op:
        batch_op.add_column(sa.Column("mac", sa.LargeBinary(), nullable=True))

    with op.batch_alter_table("staff_links", schema=None) as batch_op:
        batch_op.add_column(sa.Column("mac", sa.LargeBinary(), nullable=True))

    with op.batch_alter_table("staff_sessions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("mac", sa.LargeBinary(), nullable=True))

    with op.batch_alter_table("wallet_credentials", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("batch_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True)
        )
        batch_op.create_index(batch_op.f("ix_wallet_credentials_batch_id"), ["batch_id"], unique=False)

    with op.batch_alter_table("wallet_tokens", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("bond_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True)
        )


def downgrade() -> None:
    with op.batch_alter_table("wallet_tokens", schema=None) as batch_op:
        batch_op.drop_column("bond_id")

    with op.batch_alter_table("wallet_credentials", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_wallet_credentials_batch_id"))
        batch_op.drop_column("batch_id")

    with op.batch_alter_table("staff_sessions", schema=None) as batch_op:
        batch_op.drop_column("mac")

    with op.batch_alter_table("staff_links", schema=None) as batch_op:
        batch_op.drop_column("mac")

    with op.batch_alter_table("staff", schema=None) as batch_op:
        batch_op.drop_column("mac")

    with op.batch_alter_table("showings", schema=None) as batch_op:
        batch_op.drop_index("ix_showings_shown_by")
        batch_op.drop_column("shown_by")

    with op.batch_alter_table("presentations", schema=None) as batch_op:
        batch_op.drop_index("ix_presentations_once")
        batch_op.drop_column("once_hash")
        batch_op.drop_column("once")

    with op.batch_alter_table("ledger_witnesses", schema=None) as batch_op:
        batch_op.drop_column("url")

    with op.batch_alter_table("late_orders", schema=None) as batch_op:
        batch_op.drop_column("whom")

    with op.batch_alter_table("holder_case_questions", schema=None) as batch_op:
        batch_op.drop_index("ix_holder_case_questions_asked_on")
        batch_op.drop_column("asked_on")

    with op.batch_alter_table("holder_authorisations", schema=None) as batch_op:
        batch_op.drop_column("ends_at")

    with op.batch_alter_table("case_ratings", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_case_ratings_ledger_entry_id"))
        batch_op.drop_index(batch_op.f("ix_case_ratings_follow_up_id"))
        batch_op.drop_column("mac")

    with op.batch_alter_table("case_events", schema=None) as batch_op:
        batch_op.drop_column("interface")

    with op.batch_alter_table("wallet_batches", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_wallet_batches_subject_id"))
        batch_op.drop_index(batch_op.f("ix_wallet_batches_bond_id"))

    op.drop_table("wallet_batches")
    op.drop_table("rating_codes")
    with op.batch_alter_table("certificate_copies", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_certificate_copies_version_id"))
        batch_op.drop_index(batch_op.f("ix_certificate_copies_subject_id"))
        batch_op.drop_index(
            "ix_certificate_copies_listed",
            sqlite_where=sa.text("(ended_at IS NOT NULL OR licence_status <> 'valid')"),
            postgresql_where=sa.text("(ended_at IS NOT NULL OR licence_status <> 'valid')"),
        )

    op.drop_table("certificate_copies")
    with op.batch_alter_table("wallet_bonds", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_wallet_bonds_subject_id"))

    op.drop_table("wallet_bonds")
    op.drop_table("department_superiors")
    op.drop_table("rating_tally")
    with op.batch_alter_table("planned_closures", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_planned_closures_ends_at"))

    op.drop_table("planned_closures")
    op.drop_table("ledger_witness_calls")
