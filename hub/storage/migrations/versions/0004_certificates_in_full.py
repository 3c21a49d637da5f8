"""certificates in full"""

import sqlalchemy as sa
from alembic import op

from catalog.tables import Instant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "authority_crls",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("fingerprint", sa.String(length=95), nullable=False),
        sa.Column("authority", sa.LargeBinary(), nullable=False),
        sa.Column("crl", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("this_update", Instant(), nullable=True),
        sa.Column("next_update", Instant(), nullable=True),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("tried_at", Instant(), nullable=True),
        sa.Column("failed", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("fingerprint"),
    )
    op.create_table(
        "case_forms",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("about", sa.String(length=48), nullable=False),
        sa.Column("change_no", sa.Integer(), nullable=False),
        sa.Column("answers", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("about"),
    )
    op.create_table(
        "certificate_type_halts",
        sa.Column("type_code", sa.String(length=21), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("legal_basis", sa.String(length=500), nullable=False),
        sa.Column("halted_by", sa.JSON(), nullable=False),
        sa.Column("halted_at", Instant(), nullable=False),
        sa.Column("lifted_by", sa.JSON(), nullable=False),
        sa.Column("lifted_at", Instant(), nullable=True),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "debt_turns",
        sa.Column("source_code", sa.String(length=64), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("next_at", Instant(), nullable=False),
        sa.Column("taken_until", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("source_code"),
    )
    op.create_table(
        "expiry_reminders",
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("told_until", sa.String(length=10), nullable=False),
        sa.Column("told_version", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("days"),
    )
    op.create_table(
        "face_templates",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("type_code", sa.String(length=21), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=65536), nullable=False),
        sa.Column("confirmed_by", sa.JSON(), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("type_code", "version"),
    )
    op.create_table(
        "holder_attempts",
        sa.Column("cookie_hash", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("data_key", sa.LargeBinary(), nullable=False),
        sa.Column("kek_kid", sa.String(length=32), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("cookie_hash"),
    )
    with op.batch_alter_table("holder_attempts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_holder_attempts_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "issuer_seals",
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("organization_id", sa.String(length=18), nullable=False),
        sa.Column("seal", sa.LargeBinary(), nullable=False),
        sa.Column("maker_kid", sa.String(length=64), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "key_revocations",
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("legal_basis", sa.String(length=500), nullable=False),
        sa.Column("affected", sa.Integer(), nullable=False),
        sa.Column("revoked", sa.Integer(), nullable=False),
        sa.Column("passed_over", sa.Integer(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("after_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.Column("begun_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("kid"),
    )
    op.create_table(
        "kiosk_reads",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("read_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    with op.batch_alter_table("kiosk_reads", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_kiosk_reads_read_at"), ["read_at"], unique=False)

    op.create_table(
        "ledger_cosignatures",
        sa.Column("origin", sa.String(length=200), nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("witness_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("line", sa.String(length=1000), nullable=False),
        sa.Column("said", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("origin", "size", "witness_id"),
    )
    op.create_table(
        "ledger_forks",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("note", sa.String(length=20000), nullable=False),
        sa.Column("reported_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "ledger_rounds",
        sa.Column("origin", sa.String(length=200), nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("note", sa.String(length=20000), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("origin", "size"),
    )
    op.create_table(
        "ledger_witnesses",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("vkey", sa.String(length=400), nullable=False),
        sa.Column("body", sa.String(length=200), nullable=False),
        sa.Column("contact", sa.String(length=200), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("registered_by", sa.JSON(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "network_id_uses",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    with op.batch_alter_table("network_id_uses", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_network_id_uses_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "stamp_orders",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("ordered_at", Instant(), nullable=False),
        sa.Column("tried_at", Instant(), nullable=True),
        sa.Column("token", sa.LargeBinary(), nullable=True),
        sa.Column("stamped_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("purpose", "reference", "digest"),
    )
    with op.batch_alter_table("stamp_orders", schema=None) as batch_op:
        batch_op.create_index(
            "ix_stamp_orders_waiting",
            ["ordered_at"],
            unique=False,
            sqlite_where=sa.text("token IS NULL"),
            postgresql_where=sa.text("token IS NULL"),
        )

    op.create_table(
        "trust_anchors",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("fingerprint", sa.String(length=95), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("trusted", sa.Boolean(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("fingerprint"),
    )
    op.create_table(
        "trust_peers",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("hub", sa.String(length=200), nullable=False),
        sa.Column("roots", sa.JSON(), nullable=False),
        sa.Column("left_out", sa.JSON(), nullable=False),
        sa.Column("types", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("pack", sa.LargeBinary(), nullable=False),
        sa.Column("accepted_by", sa.JSON(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hub"),
    )
    op.create_table(
        "verification_tallies",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("verification_tallies", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_verification_tallies_day"), ["day"], unique=False)

    op.create_table(
        "wallet_seen",
        sa.Column("used_hash", sa.String(length=64), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("used_hash"),
    )
    with op.batch_alter_table("wallet_seen", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_wallet_seen_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "acting_sessions",
        sa.Column("session_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("acting_key", sa.String(length=32), nullable=False),
        sa.Column("subject_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("ground", sa.String(length=24), nullable=False),
        sa.Column("began_at", Instant(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"]),
        sa.PrimaryKeyConstraint("session_id", "acting_key"),
    )
    with op.batch_alter_table("acting_sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_acting_sessions_began_at"), ["began_at"], unique=False)

    op.create_table(
        "certificate_act_lists",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column(
            "owner_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True
        ),
        sa.Column("act", sa.JSON(), nullable=False),
        sa.Column("asked_by", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["owner_department_id"], ["departments.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("certificate_act_lists", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_certificate_act_lists_owner_department_id"), ["owner_department_id"], unique=False
        )

    op.create_table(
        "certificate_acts",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column(
            "owner_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("type_code", sa.String(length=21), nullable=False),
        sa.Column("operation", sa.String(length=32), nullable=False),
        sa.Column("identifier", sa.String(length=128), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("data_key", sa.LargeBinary(), nullable=False),
        sa.Column("kek_kid", sa.String(length=32), nullable=False),
        sa.Column("asked_by", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("decided_by", sa.JSON(), nullable=False),
        sa.Column("result", sa.String(length=128), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("case_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["owner_department_id"], ["departments.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("certificate_acts", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_certificate_acts_owner_department_id"), ["owner_department_id"], unique=False
        )

    op.create_table(
        "collection_feeds",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column(
            "owner_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("progress", sa.JSON(), nullable=False),
        sa.Column("place", sa.LargeBinary(), nullable=True),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["owner_department_id"], ["departments.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code"),
    )
    with op.batch_alter_table("collection_feeds", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_collection_feeds_due_at"), ["due_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_collection_feeds_owner_department_id"), ["owner_department_id"], unique=False
        )

    op.create_table(
        "delegations",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("subject_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("given_by", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("to_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("valid_until", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("once", sa.String(length=64), nullable=True),
        sa.Column("once_hash", sa.String(length=64), nullable=True),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["given_by"], ["subjects.id"]),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"]),
        sa.ForeignKeyConstraint(["to_id"], ["subjects.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("once"),
    )
    with op.batch_alter_table("delegations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_delegations_subject_id"), ["subject_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_delegations_to_id"), ["to_id"], unique=False)

    op.create_table(
        "erasures",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("subject_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("erased_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("erasures", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_erasures_subject_id"), ["subject_id"], unique=False)

    op.create_table(
        "form_signatures",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("form_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("party", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("detail", sa.LargeBinary(), nullable=False),
        sa.Column("signed_at", Instant(), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(["form_id"], ["case_forms.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("form_id", "party"),
    )
    op.create_table(
        "holder_identities",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("subject_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("pseudonym_hash", sa.LargeBinary(), nullable=True),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("trial", sa.Boolean(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("bound_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("pseudonym_hash"),
    )
    with op.batch_alter_table("holder_identities", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_holder_identities_subject_id"), ["subject_id"], unique=False)

    op.create_table(
        "holder_notice_choices",
        sa.Column("subject_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"]),
        sa.PrimaryKeyConstraint("subject_id", "kind"),
    )
    op.create_table(
        "holder_notices",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("subject_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("about", sa.String(length=80), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("read_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("subject_id", "kind", "about"),
    )
    with op.batch_alter_table("holder_notices", schema=None) as batch_op:
        batch_op.create_index("ix_holder_notices_list", ["subject_id", "id"], unique=False)

    op.create_table(
        "holder_places",
        sa.Column("subject_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("place_hash", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"]),
        sa.PrimaryKeyConstraint("subject_id", "place_hash"),
    )
    op.create_table(
        "holder_sessions",
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("subject_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("how", sa.String(length=10), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"]),
        sa.PrimaryKeyConstraint("secret_hash"),
    )
    with op.batch_alter_table("holder_sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_holder_sessions_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_holder_sessions_subject_id"), ["subject_id"], unique=False)

    op.create_table(
        "intent_sheaves",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("type_code", sa.String(length=21), nullable=False),
        sa.Column(
            "owner_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("version_columns", sa.JSON(), nullable=False),
        sa.Column("versions", sa.LargeBinary(), nullable=False),
        sa.Column("holder_columns", sa.JSON(), nullable=False),
        sa.Column("holders", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["owner_department_id"], ["departments.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("intent_sheaves", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_intent_sheaves_owner_department_id"), ["owner_department_id"], unique=False
        )

    op.create_table(
        "kiosks",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column(
            "owner_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("reader_kid", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=True),
        sa.Column("secret_hash", sa.String(length=64), nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["owner_department_id"], ["departments.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code_hash"),
        sa.UniqueConstraint("secret_hash"),
    )
    with op.batch_alter_table("kiosks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_kiosks_owner_department_id"), ["owner_department_id"], unique=False)

    op.create_table(
        "late_orders",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("lookup_hash", sa.LargeBinary(), nullable=False),
        sa.Column(
            "owner_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("matter", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("legal_basis", sa.String(length=500), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("proposed_by", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("seconded_by", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.Column("signed_by", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.Column("proposed_at", Instant(), nullable=False),
        sa.Column("since", Instant(), nullable=True),
        sa.Column("until", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("extends", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["owner_department_id"], ["departments.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("late_orders", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_late_orders_lookup_hash"), ["lookup_hash"], unique=False)
        batch_op.create_index("ix_late_orders_queue", ["owner_department_id", "state"], unique=False)

    op.create_table(
        "life_events",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "owner_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["owner_department_id"], ["departments.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code", "version"),
    )
    with op.batch_alter_table("life_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_life_events_code"), ["code"], unique=False)
        batch_op.create_index(batch_op.f("ix_life_events_owner_department_id"), ["owner_department_id"], unique=False)

    op.create_table(
        "mandates",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column(
            "from_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column(
            "to_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("matters", sa.JSON(), nullable=False),
        sa.Column("legal_basis", sa.String(length=500), nullable=False),
        sa.Column("valid_from", sa.String(length=10), nullable=False),
        sa.Column("valid_until", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("confirmed_by", sa.JSON(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["from_department_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["to_department_id"], ["departments.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("mandates", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_mandates_from_department_id"), ["from_department_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_mandates_to_department_id"), ["to_department_id"], unique=False)

    op.create_table(
        "own_collections",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("subject_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("rounds", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("again_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("subject_id"),
    )
    op.create_table(
        "presentations",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("subject_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("typed_hash", sa.LargeBinary(), nullable=True),
        sa.Column("department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("taken_by", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.Column("case_no", sa.String(length=40), nullable=True),
        sa.Column("refused_at", Instant(), nullable=True),
        sa.Column("refused_by", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code_hash"),
    )
    with op.batch_alter_table("presentations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_presentations_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index("ix_presentations_holder", ["subject_id", "id"], unique=False)
        batch_op.create_index(
            "ix_presentations_live",
            ["expires_at"],
            unique=False,
            sqlite_where=sa.text("state = 'live'"),
            postgresql_where=sa.text("state = 'live'"),
        )
        batch_op.create_index(batch_op.f("ix_presentations_typed_hash"), ["typed_hash"], unique=False)

    op.create_table(
        "reader_keys",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column(
            "owner_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("kid", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("jwk", sa.JSON(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["owner_department_id"], ["departments.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kid"),
    )
    with op.batch_alter_table("reader_keys", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reader_keys_owner_department_id"), ["owner_department_id"], unique=False)

    op.create_table(
        "showings",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("subject_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("taken_as", sa.String(length=10), nullable=True),
        sa.Column("taken_by", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.Column("refused_at", Instant(), nullable=True),
        sa.Column("refused_by", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.Column("asked_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.Column("once", sa.String(length=64), nullable=True),
        sa.Column("once_hash", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code_hash"),
        sa.UniqueConstraint("once"),
    )
    with op.batch_alter_table("showings", schema=None) as batch_op:
        batch_op.create_index("ix_showings_asked", ["asked_id"], unique=True)
        batch_op.create_index(batch_op.f("ix_showings_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index("ix_showings_holder", ["subject_id", "id"], unique=False)
        batch_op.create_index(
            "ix_showings_live",
            ["expires_at"],
            unique=False,
            sqlite_where=sa.text("state = 'live'"),
            postgresql_where=sa.text("state = 'live'"),
        )

    op.create_table(
        "wallet_authorizations",
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.String(length=300), nullable=False),
        sa.Column("redirect_uri", sa.String(length=1000), nullable=False),
        sa.Column("challenge", sa.String(length=64), nullable=False),
        sa.Column("client_state", sa.String(length=1000), nullable=True),
        sa.Column("configuration", sa.String(length=64), nullable=False),
        sa.Column("detailed", sa.Boolean(), nullable=False),
        sa.Column("thumbprint", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=True),
        sa.Column("subject_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.Column("certificate_ids", sa.JSON(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"]),
        sa.PrimaryKeyConstraint("request_hash"),
        sa.UniqueConstraint("code_hash"),
    )
    with op.batch_alter_table("wallet_authorizations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_wallet_authorizations_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "wallet_tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("subject_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("configuration", sa.String(length=64), nullable=False),
        sa.Column("certificate_ids", sa.JSON(), nullable=False),
        sa.Column("by_identifier", sa.Boolean(), nullable=False),
        sa.Column("thumbprint", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.String(length=300), nullable=False),
        sa.Column("copies_left", sa.Integer(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"]),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    with op.batch_alter_table("wallet_tokens", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_wallet_tokens_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "case_families",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("family_no", sa.String(length=40), nullable=False),
        sa.Column(
            "owner_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("system_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("external_no", sa.String(length=100), nullable=False),
        sa.Column("event_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("event_code", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("opening", sa.LargeBinary(), nullable=False),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("withdrawn", sa.JSON(), nullable=False),
        sa.Column("data_key", sa.LargeBinary(), nullable=False),
        sa.Column("kek_kid", sa.String(length=32), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["life_events.id"]),
        sa.ForeignKeyConstraint(["owner_department_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("family_no"),
        sa.UniqueConstraint("system_id", "external_no"),
    )
    with op.batch_alter_table("case_families", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_case_families_owner_department_id"), ["owner_department_id"], unique=False)

    op.create_table(
        "certificate_act_list_items",
        sa.Column("list_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("identifier", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("why", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["list_id"], ["certificate_act_lists.id"]),
        sa.PrimaryKeyConstraint("list_id", "number"),
    )
    with op.batch_alter_table("certificate_act_list_items", schema=None) as batch_op:
        batch_op.create_index("ix_certificate_act_list_items_state", ["list_id", "state", "number"], unique=False)

    op.create_table(
        "delegation_uses",
        sa.Column("entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("delegation_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["delegation_id"], ["delegations.id"]),
        sa.PrimaryKeyConstraint("entry_id"),
    )
    with op.batch_alter_table("delegation_uses", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_delegation_uses_delegation_id"), ["delegation_id"], unique=False)

    op.create_table(
        "holder_notice_messages",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(length=40), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["holder_notices.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("holder_notice_messages", schema=None) as batch_op:
        batch_op.create_index("ix_holder_notice_messages_state", ["state", "changed_at"], unique=False)

    op.create_table(
        "kiosk_visits",
        sa.Column("kiosk_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("subject_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("begun_at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["kiosk_id"], ["kiosks.id"]),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"]),
        sa.PrimaryKeyConstraint("kiosk_id"),
    )
    with op.batch_alter_table("kiosk_visits", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_kiosk_visits_subject_id"), ["subject_id"], unique=False)

    op.create_table(
        "objections",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("subject_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column(
            "owner_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True
        ),
        sa.Column("certificate_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("standing", sa.String(length=64), nullable=True),
        sa.Column("once", sa.String(length=64), nullable=True),
        sa.Column("once_hash", sa.String(length=64), nullable=True),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("token", sa.LargeBinary(), nullable=True),
        sa.Column("signed_by", sa.String(length=20), nullable=True),
        sa.Column("clock", sa.JSON(), nullable=False),
        sa.Column("raised_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("seen_at", Instant(), nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["certificate_id"], ["certificates.id"]),
        sa.ForeignKeyConstraint(["owner_department_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("once"),
        sa.UniqueConstraint("standing"),
    )
    with op.batch_alter_table("objections", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_objections_certificate_id"), ["certificate_id"], unique=False)
        batch_op.create_index("ix_objections_holder", ["subject_id", "id"], unique=False)
        batch_op.create_index("ix_objections_queue", ["owner_department_id", "state", "due_at"], unique=False)

    op.create_table(
        "own_collection_feeds",
        sa.Column("collection_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("feed", sa.String(length=64), nullable=False),
        sa.Column("type_code", sa.String(length=21), nullable=False),
        sa.Column("issuer_code", sa.String(length=18), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(["collection_id"], ["own_collections.id"]),
        sa.PrimaryKeyConstraint("collection_id", "feed"),
    )
    op.create_table(
        "showing_requests",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("system_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.Column("staff_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("typed_hash", sa.LargeBinary(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("data_key", sa.LargeBinary(), nullable=False),
        sa.Column("kek_kid", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code_hash"),
        sa.UniqueConstraint("typed_hash"),
    )
    with op.batch_alter_table("showing_requests", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_showing_requests_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "system_materials",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("system_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("matter_code", sa.String(length=64), nullable=False),
        sa.Column("codes", sa.JSON(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("system_id", "matter_code"),
    )
    op.create_table(
        "wallet_asks",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("system_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.Column("staff_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.Column("department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("reference_hash", sa.String(length=64), nullable=False),
        sa.Column("type_code", sa.String(length=21), nullable=False),
        sa.Column("claims", sa.JSON(), nullable=False),
        sa.Column("purpose", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("data_key", sa.LargeBinary(), nullable=False),
        sa.Column("kek_kid", sa.String(length=32), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("reference_hash"),
    )
    with op.batch_alter_table("wallet_asks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_wallet_asks_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "wallet_offers",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("subject_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column(
            "certificate_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("configuration", sa.String(length=64), nullable=False),
        sa.Column("reference_hash", sa.String(length=64), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("typed_hash", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["certificate_id"], ["certificates.id"]),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code_hash"),
        sa.UniqueConstraint("reference_hash"),
    )
    with op.batch_alter_table("wallet_offers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_wallet_offers_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_wallet_offers_subject_id"), ["subject_id"], unique=False)

    op.create_table(
        "asks",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("case_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("system_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column(
            "owner_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("matter_code", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("party", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("rule", sa.String(length=20), nullable=True),
        sa.Column("outcome", sa.String(length=30), nullable=True),
        sa.Column("clerk", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["owner_department_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("case_id", "code", "party", "reason"),
    )
    with op.batch_alter_table("asks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_asks_asked_at"), ["asked_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_asks_owner_department_id"), ["owner_department_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_asks_rule"), ["rule"], unique=False)

    op.create_table(
        "case_archives",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("case_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("intent", sa.LargeBinary(), nullable=True),
        sa.Column("results", sa.LargeBinary(), nullable=True),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True
        ),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("stamps", sa.Integer(), nullable=False),
        sa.Column("stamped_at", Instant(), nullable=True),
        sa.Column("stamp_ends_at", Instant(), nullable=True),
        sa.Column("ordered_at", Instant(), nullable=False),
        sa.Column("filed_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("case_id"),
    )
    with op.batch_alter_table("case_archives", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_case_archives_stamp_ends_at"), ["stamp_ends_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_case_archives_state"), ["state"], unique=False)

    op.create_table(
        "case_events",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("case_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("about", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("party", sa.String(length=40), nullable=True),
        sa.Column("material", sa.String(length=100), nullable=True),
        sa.Column("answer_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("case_id", "number"),
    )
    op.create_table(
        "case_ratings",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("case_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("subject_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("matter_code", sa.String(length=64), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("brought", sa.Integer(), nullable=False),
        sa.Column("counted", sa.Integer(), nullable=True),
        sa.Column("follow_up_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.Column("given_at", Instant(), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["follow_up_id"], ["objections.id"]),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("case_id", "subject_id"),
    )
    with op.batch_alter_table("case_ratings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_case_ratings_matter_code"), ["matter_code"], unique=False)
        batch_op.create_index(batch_op.f("ix_case_ratings_subject_id"), ["subject_id"], unique=False)

    op.create_table(
        "case_steps",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("case_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("step", sa.String(length=20), nullable=False),
        sa.Column("change_no", sa.Integer(), nullable=False),
        sa.Column("department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("kept", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("case_steps", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_case_steps_case_id"), ["case_id"], unique=False)

    op.create_table(
        "certificate_arrivals",
        sa.Column("version_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("type_code", sa.String(length=21), nullable=False),
        sa.Column("identifier", sa.String(length=128), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["certificate_versions.id"]),
        sa.PrimaryKeyConstraint("version_id"),
        sa.UniqueConstraint("type_code", "identifier"),
    )
    op.create_table(
        "certificate_bindings",
        sa.Column("version_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("binding", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["certificate_versions.id"]),
        sa.PrimaryKeyConstraint("version_id"),
    )
    op.create_table(
        "certificate_holders",
        sa.Column("version_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("subject_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("name_hash", sa.LargeBinary(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"]),
        sa.ForeignKeyConstraint(["version_id"], ["certificate_versions.id"]),
        sa.PrimaryKeyConstraint("version_id", "place"),
    )
    with op.batch_alter_table("certificate_holders", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_certificate_holders_subject_id"), ["subject_id"], unique=False)

    op.create_table(
        "certificate_renditions",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("version_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("format", sa.String(length=8), nullable=False),
        sa.Column("suite", sa.String(length=10), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("copy_of", sa.String(length=48), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("ends_at", Instant(), nullable=True),
        sa.Column("audience", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("signing_kid", sa.String(length=64), nullable=False),
        sa.Column("code_kid", sa.String(length=64), nullable=False),
        sa.Column("lease", sa.String(length=36), nullable=False),
        sa.Column("lease_until", Instant(), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("renew_by", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["version_id"], ["certificate_versions.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code_hash"),
    )
    with op.batch_alter_table("certificate_renditions", schema=None) as batch_op:
        batch_op.create_index(
            "ix_certificate_renditions_one",
            ["version_id", "format", "suite", "language", "copy_of"],
            unique=True,
            sqlite_where=sa.text("state <> 'withdrawn'"),
            postgresql_where=sa.text("state <> 'withdrawn'"),
        )
        batch_op.create_index(
            "ix_certificate_renditions_unfiled",
            ["id"],
            unique=False,
            sqlite_where=sa.text("state IN ('intended', 'signed')"),
            postgresql_where=sa.text("state IN ('intended', 'signed')"),
        )

    op.create_table(
        "commitments",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("case_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("system_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("party", sa.String(length=40), nullable=False),
        sa.Column("template", sa.String(length=64), nullable=False),
        sa.Column("text_digest", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("standing", sa.String(length=150), nullable=True),
        sa.Column("chosen_by", sa.String(length=20), nullable=False),
        sa.Column("purpose", sa.String(length=200), nullable=False),
        sa.Column("kid", sa.String(length=128), nullable=False),
        sa.Column("clock", sa.JSON(), nullable=False),
        sa.Column("offered_at", Instant(), nullable=False),
        sa.Column("given_at", Instant(), nullable=True),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("standing"),
    )
    with op.batch_alter_table("commitments", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_commitments_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_commitments_due_at"), ["due_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_commitments_state"), ["state"], unique=False)

    op.create_table(
        "dead_ends",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("case_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("party", sa.String(length=40), nullable=True),
        sa.Column("department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("standing", sa.String(length=100), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("clock", sa.JSON(), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("outcome", sa.String(length=40), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("answered_at", Instant(), nullable=True),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("taken_by", sa.String(length=100), nullable=True),
        sa.Column(
            "with_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True
        ),
        sa.Column("course", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["with_department_id"], ["departments.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("standing"),
    )
    with op.batch_alter_table("dead_ends", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dead_ends_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_dead_ends_reason"), ["reason"], unique=False)
        batch_op.create_index(batch_op.f("ix_dead_ends_state"), ["state"], unique=False)

    op.create_table(
        "debts",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("case_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("system_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column(
            "owner_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True
        ),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("party", sa.String(length=40), nullable=False),
        sa.Column("source_code", sa.String(length=64), nullable=False),
        sa.Column("cause", sa.String(length=64), nullable=False),
        sa.Column("owed_clock", sa.String(length=10), nullable=False),
        sa.Column("purpose", sa.String(length=200), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("kid", sa.String(length=128), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("standing", sa.String(length=150), nullable=True),
        sa.Column("clock", sa.JSON(), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("next_try_at", Instant(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=30), nullable=True),
        sa.Column("answer_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["owner_department_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("standing"),
    )
    with op.batch_alter_table("debts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_debts_answer_id"), ["answer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_debts_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_debts_owner_department_id"), ["owner_department_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_debts_state"), ["state"], unique=False)

    op.create_table(
        "decision_grounds",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("case_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("about", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("decided_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("decision_grounds", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_decision_grounds_case_id"), ["case_id"], unique=False)

    op.create_table(
        "family_cases",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("family_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("case_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("matter_code", sa.String(length=64), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["family_id"], ["case_families.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("family_id", "matter_code"),
    )
    with op.batch_alter_table("family_cases", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_family_cases_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_family_cases_family_id"), ["family_id"], unique=False)

    op.create_table(
        "family_waits",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("family_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("case_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("requirement", sa.String(length=64), nullable=False),
        sa.Column("giver", sa.String(length=64), nullable=False),
        sa.Column("type_code", sa.String(length=64), nullable=False),
        sa.Column("lookup_hash", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["family_id"], ["case_families.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("family_waits", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_family_waits_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_family_waits_family_id"), ["family_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_family_waits_type_code"), ["type_code"], unique=False)

    op.create_table(
        "holder_authorisations",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("subject_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("grant_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("decided_at", Instant(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"]),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("subject_id", "grant_id"),
    )
    with op.batch_alter_table("holder_authorisations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_holder_authorisations_grant_id"), ["grant_id"], unique=False)

    op.create_table(
        "holder_case_questions",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("subject_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("case_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("grant_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("party", sa.String(length=40), nullable=False),
        sa.Column("purpose", sa.String(length=200), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("kid", sa.String(length=128), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"]),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("case_id", "subject_id", "grant_id"),
    )
    with op.batch_alter_table("holder_case_questions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_holder_case_questions_subject_id"), ["subject_id"], unique=False)

    op.create_table(
        "sealed_copies",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("case_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("party", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=200), nullable=False),
        sa.Column(
            "owner_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("system_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("subject_lookup", sa.LargeBinary(), nullable=True),
        sa.Column("name_hash", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(length=40), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_on", sa.String(length=10), nullable=False),
        sa.Column("valid_until", sa.String(length=10), nullable=False),
        sa.Column("sealed_at", Instant(), nullable=False),
        sa.Column("withdrawn_at", Instant(), nullable=True),
        sa.Column("scan_deleted_at", Instant(), nullable=True),
        sa.Column("data_key", sa.LargeBinary(), nullable=False),
        sa.Column("kek_kid", sa.String(length=32), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["owner_department_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("sealed_copies", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sealed_copies_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_sealed_copies_digest"), ["digest"], unique=False)
        batch_op.create_index(batch_op.f("ix_sealed_copies_owner_department_id"), ["owner_department_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_sealed_copies_subject_lookup"), ["subject_lookup"], unique=False)

    op.create_table(
        "verification_tasks",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("case_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("party", sa.String(length=40), nullable=False),
        sa.Column(
            "owner_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column(
            "asker_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("question_key", sa.String(length=64), nullable=False),
        sa.Column("subject_lookup", sa.LargeBinary(), nullable=True),
        sa.Column("name_hash", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("standing", sa.String(length=150), nullable=True),
        sa.Column("question", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("result", sa.String(length=20), nullable=True),
        sa.Column("answered_by", sa.String(length=64), nullable=True),
        sa.Column("signed_by", sa.String(length=20), nullable=True),
        sa.Column("token", sa.LargeBinary(), nullable=True),
        sa.Column("reusable_until", sa.String(length=10), nullable=True),
        sa.Column("clock", sa.JSON(), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("answered_at", Instant(), nullable=True),
        sa.Column("data_key", sa.LargeBinary(), nullable=False),
        sa.Column("kek_kid", sa.String(length=32), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(["asker_department_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["owner_department_id"], ["departments.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("standing"),
    )
    with op.batch_alter_table("verification_tasks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_verification_tasks_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_verification_tasks_due_at"), ["due_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_verification_tasks_owner_department_id"), ["owner_department_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_verification_tasks_question_key"), ["question_key"], unique=False)
        batch_op.create_index(batch_op.f("ix_verification_tasks_state"), ["state"], unique=False)
        batch_op.create_index(batch_op.f("ix_verification_tasks_subject_lookup"), ["subject_lookup"], unique=False)

    op.create_table(
        "wallet_credentials",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("subject_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("version_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("thumbprint", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.String(length=300), nullable=False),
        sa.Column("payload_digest", sa.LargeBinary(), nullable=False),
        sa.Column("signing_kid", sa.String(length=64), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("made_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"]),
        sa.ForeignKeyConstraint(["version_id"], ["certificate_versions.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("wallet_credentials", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_wallet_credentials_subject_id"), ["subject_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_wallet_credentials_version_id"), ["version_id"], unique=False)

    with op.batch_alter_table("bulk_runs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("waiting", sa.Integer(), server_default="0", nullable=False))

    with op.batch_alter_table("bulk_subjects", schema=None) as batch_op:
        batch_op.add_column(sa.Column("tries", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("due_at", Instant(), nullable=True))
        batch_op.add_column(sa.Column("charged_on", sa.String(length=10), nullable=True))

    with op.batch_alter_table("case_parties", schema=None) as batch_op:
        batch_op.add_column(sa.Column("acts_for", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("mandate", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("origin", sa.String(length=64), nullable=True))
        batch_op.create_index("ix_case_parties_person", ["lookup_hash", "case_id"], unique=False)

    with op.batch_alter_table("cases", schema=None) as batch_op:
        batch_op.add_column(sa.Column("facts", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("choices", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("filed_on", sa.String(length=10), nullable=True))
        batch_op.add_column(sa.Column("closing_asked_at", Instant(), nullable=True))
        batch_op.add_column(sa.Column("change_no", sa.Integer(), server_default="1", nullable=False))
        batch_op.add_column(sa.Column("stage", sa.String(length=20), server_default="filed", nullable=False))
        batch_op.add_column(
            sa.Column(
                "accepting_department_id",
                sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"),
                nullable=True,
            )
        )
        batch_op.add_column(
            sa.Column(
                "approving_department_id",
                sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"),
                nullable=True,
            )
        )
        batch_op.add_column(
            sa.Column("mandate_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True)
        )
        batch_op.add_column(sa.Column("accepted_at", Instant(), nullable=True))
        batch_op.add_column(sa.Column("asked_at", Instant(), nullable=True))
        batch_op.add_column(sa.Column("supplied_at", Instant(), nullable=True))
        batch_op.add_column(sa.Column("decided_at", Instant(), nullable=True))
        batch_op.add_column(sa.Column("decision", sa.String(length=20), nullable=True))
        batch_op.add_column(sa.Column("stage_version", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("stage_mac", sa.LargeBinary(), nullable=True))
        batch_op.create_index(batch_op.f("ix_cases_approving_department_id"), ["approving_department_id"], unique=False)

    with op.batch_alter_table("certificate_transitions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("object_version", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("recorded_at", Instant(), nullable=True))
        batch_op.add_column(sa.Column("reason_code", sa.String(length=32), nullable=True))
        batch_op.add_column(
            sa.Column("related_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True)
        )
        batch_op.add_column(
            sa.Column(
                "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True
            )
        )
        batch_op.add_column(sa.Column("mac", sa.LargeBinary(), nullable=True))
        batch_op.create_index("ix_certificate_transitions_order", ["version_id", "object_version"], unique=True)
        batch_op.create_index("ix_certificate_transitions_recorded", ["recorded_at"], unique=False)
        batch_op.create_index("ix_certificate_transitions_related", ["related_id"], unique=False)

    with op.batch_alter_table("certificate_types", schema=None) as batch_op:
        batch_op.add_column(sa.Column("retired_at", Instant(), nullable=True))
        batch_op.add_column(sa.Column("made_by", sa.String(length=84), nullable=True))
        batch_op.add_column(sa.Column("row_version", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("mac", sa.LargeBinary(), nullable=True))

    with op.batch_alter_table("certificate_versions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("type_version", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("origin", sa.String(length=100), nullable=True))
        batch_op.add_column(sa.Column("signing_mac", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("seen_mac", sa.LargeBinary(), nullable=True))
        batch_op.drop_index(batch_op.f("ix_certificate_versions_changed"), sqlite_where=sa.text("status <> 'valid'"))
        batch_op.create_index(
            "ix_certificate_versions_ends",
            ["valid_until"],
            unique=False,
            sqlite_where=sa.text("status IN ('valid', 'suspended') AND valid_until IS NOT NULL"),
            postgresql_where=sa.text("status IN ('valid', 'suspended') AND valid_until IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_certificate_versions_listed",
            ["status_list", "status", "status_index", "id"],
            unique=False,
            sqlite_where=sa.text("status <> 'valid'"),
            postgresql_where=sa.text("status <> 'valid'"),
        )

    with op.batch_alter_table("certificates", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_certificates_owner_department_id"))
        batch_op.create_index("ix_certificates_shelf", ["owner_department_id", "id"], unique=False)

    with op.batch_alter_table("collection_batches", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("staff_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True)
        )
        batch_op.alter_column("system_id", existing_type=sa.VARCHAR(length=36), nullable=True)

    with op.batch_alter_table("key_certificates", schema=None) as batch_op:
        batch_op.add_column(sa.Column("suite", sa.String(length=10), server_default="es256", nullable=False))
        batch_op.add_column(sa.Column("scope", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("state", sa.String(length=12), server_default="active", nullable=False))
        batch_op.add_column(sa.Column("custody", sa.String(length=20), server_default="hub_held", nullable=False))
        batch_op.add_column(sa.Column("place", sa.String(length=10), server_default="file", nullable=False))
        batch_op.add_column(sa.Column("authority", sa.String(length=95), nullable=True))
        batch_op.add_column(sa.Column("active_from", Instant(), nullable=True))
        batch_op.add_column(sa.Column("retired_at", Instant(), nullable=True))
        batch_op.add_column(sa.Column("compromised_since", Instant(), nullable=True))
        batch_op.add_column(sa.Column("row_version", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(
            sa.Column(
                "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True
            )
        )
        batch_op.add_column(sa.Column("mac", sa.LargeBinary(), nullable=True))

    with op.batch_alter_table("ledger_entries", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ledger_entries_subject_id"))
        batch_op.create_index("ix_ledger_entries_about", ["subject_id", "id"], unique=False)
        batch_op.create_index(
            "ix_ledger_entries_changed_since",
            ["position"],
            unique=False,
            sqlite_where=sa.text("object_version > 1"),
            postgresql_where=sa.text("object_version > 1"),
        )

    with op.batch_alter_table("matters", schema=None) as batch_op:
        batch_op.add_column(sa.Column("in_force_from", sa.String(length=10), nullable=True))
        batch_op.add_column(sa.Column("in_force_until", sa.String(length=10), nullable=True))
        batch_op.add_column(sa.Column("mac", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("owner_version", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("owner_mac", sa.LargeBinary(), nullable=True))

    with op.batch_alter_table("pushed_rows", schema=None) as batch_op:
        batch_op.add_column(sa.Column("number", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("sealed_key", sa.LargeBinary(), nullable=True))
        batch_op.create_index("ix_pushed_rows_number", ["source_id", "dataset", "number"], unique=False)

    with op.batch_alter_table("pushed_sources", schema=None) as batch_op:
        batch_op.add_column(sa.Column("last_number", sa.BigInteger(), server_default="0", nullable=False))

    with op.batch_alter_table("status_lists", schema=None) as batch_op:
        batch_op.add_column(sa.Column("published_at", Instant(), nullable=True))
        batch_op.add_column(sa.Column("audited_at", Instant(), nullable=True))

    with op.batch_alter_table("systems", schema=None) as batch_op:
        batch_op.add_column(sa.Column("desk", sa.String(length=20), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("systems", schema=None) as batch_op:
        batch_op.drop_column("desk")

    with op.batch_alter_table("status_lists", schema=None) as batch_op:
        batch_op.drop_column("audited_at")
        batch_op.drop_column("published_at")

    with op.batch_alter_table("pushed_sources", schema=None) as batch_op:
        batch_op.drop_column("last_number")

    with op.batch_alter_table("pushed_rows", schema=None) as batch_op:
        batch_op.drop_index("ix_pushed_rows_number")
        batch_op.drop_column("sealed_key")
        batch_op.drop_column("number")

    with op.batch_alter_table("matters", schema=None) as batch_op:
        batch_op.drop_column("owner_mac")
        batch_op.drop_column("owner_version")
        batch_op.drop_column("mac")
        batch_op.drop_column("in_force_until")
        batch_op.drop_column("in_force_from")

    with op.batch_alter_table("ledger_entries", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_ledger_entries_changed_since",
            sqlite_where=sa.text("object_version > 1"),
            postgresql_where=sa.text("object_version > 1"),
        )
        batch_op.drop_index("ix_ledger_entries_about")
        batch_op.create_index(batch_op.f("ix_ledger_entries_subject_id"), ["subject_id"], unique=False)

    with op.batch_alter_table("key_certificates", schema=None) as batch_op:
        batch_op.drop_column("mac")
        batch_op.drop_column("ledger_entry_id")
        batch_op.drop_column("row_version")
        batch_op.drop_column("compromised_since")
        batch_op.drop_column("retired_at")
        batch_op.drop_column("active_from")
        batch_op.drop_column("authority")
        batch_op.drop_column("place")
        batch_op.drop_column("custody")
        batch_op.drop_column("state")
        batch_op.drop_column("scope")
        batch_op.drop_column("suite")

    with op.batch_alter_table("collection_batches", schema=None) as batch_op:
        batch_op.alter_column("system_id", existing_type=sa.VARCHAR(length=36), nullable=False)
        batch_op.drop_column("staff_id")

    with op.batch_alter_table("certificates", schema=None) as batch_op:
        batch_op.drop_index("ix_certificates_shelf")
        batch_op.create_index(batch_op.f("ix_certificates_owner_department_id"), ["owner_department_id"], unique=False)

    with op.batch_alter_table("certificate_versions", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_certificate_versions_listed",
            sqlite_where=sa.text("status <> 'valid'"),
            postgresql_where=sa.text("status <> 'valid'"),
        )
        batch_op.drop_index(
            "ix_certificate_versions_ends",
            sqlite_where=sa.text("status IN ('valid', 'suspended') AND valid_until IS NOT NULL"),
            postgresql_where=sa.text("status IN ('valid', 'suspended') AND valid_until IS NOT NULL"),
        )
        batch_op.create_index(
            batch_op.f("ix_certificate_versions_changed"),
            ["status_list"],
            unique=False,
            sqlite_where=sa.text("status <> 'valid'"),
        )
        batch_op.drop_column("seen_mac")
        batch_op.drop_column("signing_mac")
        batch_op.drop_column("origin")
        batch_op.drop_column("type_version")

    with op.batch_alter_table("certificate_types", schema=None) as batch_op:
        batch_op.drop_column("mac")
        batch_op.drop_column("row_version")
        batch_op.drop_column("made_by")
        batch_op.drop_column("retired_at")

    with op.batch_alter_table("certificate_transitions", schema=None) as batch_op:
        batch_op.drop_index("ix_certificate_transitions_related")
        batch_op.drop_index("ix_certificate_transitions_recorded")
        batch_op.drop_index("ix_certificate_transitions_order")
        batch_op.drop_column("mac")
        batch_op.drop_column("ledger_entry_id")
        batch_op.drop_column("related_id")
        batch_op.drop_column("reason_code")
        batch_op.drop_column("recorded_at")
        batch_op.drop_column("object_version")

    with op.batch_alter_table("cases", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cases_approving_department_id"))
        batch_op.drop_column("stage_mac")
        batch_op.drop_column("stage_version")
        batch_op.drop_column("decision")
        batch_op.drop_column("decided_at")
        batch_op.drop_column("supplied_at")
        batch_op.drop_column("asked_at")
        batch_op.drop_column("accepted_at")
        batch_op.drop_column("mandate_id")
        batch_op.drop_column("approving_department_id")
        batch_op.drop_column("accepting_department_id")
        batch_op.drop_column("stage")
        batch_op.drop_column("change_no")
        batch_op.drop_column("closing_asked_at")
        batch_op.drop_column("filed_on")
        batch_op.drop_column("choices")
        batch_op.drop_column("facts")

    with op.batch_alter_table("case_parties", schema=None) as batch_op:
        batch_op.drop_index("ix_case_parties_person")
        batch_op.drop_column("origin")
        batch_op.drop_column("mandate")
        batch_op.drop_column("acts_for")

    with op.batch_alter_table("bulk_subjects", schema=None) as batch_op:
        batch_op.drop_column("charged_on")
        batch_op.drop_column("due_at")
        batch_op.drop_column("tries")

    with op.batch_alter_table("bulk_runs", schema=None) as batch_op:
        batch_op.drop_column("waiting")

    with op.batch_alter_table("wallet_credentials", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_wallet_credentials_version_id"))
        batch_op.drop_index(batch_op.f("ix_wallet_credentials_subject_id"))

    op.drop_table("wallet_credentials")
    with op.batch_alter_table("verification_tasks", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_verification_tasks_subject_lookup"))
        batch_op.drop_index(batch_op.f("ix_verification_tasks_state"))
        batch_op.drop_index(batch_op.f("ix_verification_tasks_question_key"))
        batch_op.drop_index(batch_op.f("ix_verification_tasks_owner_department_id"))
        batch_op.drop_index(batch_op.f("ix_verification_tasks_due_at"))
        batch_op.drop_index(batch_op.f("ix_verification_tasks_case_id"))

    op.drop_table("verification_tasks")
    with op.batch_alter_table("sealed_copies", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sealed_copies_subject_lookup"))
        batch_op.drop_index(batch_op.f("ix_sealed_copies_owner_department_id"))
        batch_op.drop_index(batch_op.f("ix_sealed_copies_digest"))
        batch_op.drop_index(batch_op.f("ix_sealed_copies_case_id"))

    op.drop_table("sealed_copies")
    with op.batch_alter_table("holder_case_questions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_holder_case_questions_subject_id"))

    op.drop_table("holder_case_questions")
    with op.batch_alter_table("holder_authorisations", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_holder_authorisations_grant_id"))

    op.drop_table("holder_authorisations")
    with op.batch_alter_table("family_waits", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_family_waits_type_code"))
        batch_op.drop_index(batch_op.f("ix_family_waits_family_id"))
        batch_op.drop_index(batch_op.f("ix_family_waits_case_id"))

    op.drop_table("family_waits")
    with op.batch_alter_table("family_cases", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_family_cases_family_id"))
        batch_op.drop_index(batch_op.f("ix_family_cases_case_id"))

    op.drop_table("family_cases")
    with op.batch_alter_table("decision_grounds", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_decision_grounds_case_id"))

    op.drop_table("decision_grounds")
    with op.batch_alter_table("debts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_debts_state"))
        batch_op.drop_index(batch_op.f("ix_debts_owner_department_id"))
        batch_op.drop_index(batch_op.f("ix_debts_case_id"))
        batch_op.drop_index(batch_op.f("ix_debts_answer_id"))

    op.drop_table("debts")
    with op.batch_alter_table("dead_ends", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dead_ends_state"))
        batch_op.drop_index(batch_op.f("ix_dead_ends_reason"))
        batch_op.drop_index(batch_op.f("ix_dead_ends_case_id"))

    op.drop_table("dead_ends")
    with op.batch_alter_table("commitments", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_commitments_state"))
        batch_op.drop_index(batch_op.f("ix_commitments_due_at"))
        batch_op.drop_index(batch_op.f("ix_commitments_case_id"))

    op.drop_table("commitments")
    with op.batch_alter_table("certificate_renditions", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_certificate_renditions_unfiled",
            sqlite_where=sa.text("state IN ('intended', 'signed')"),
            postgresql_where=sa.text("state IN ('intended', 'signed')"),
        )
        batch_op.drop_index(
            "ix_certificate_renditions_one",
            sqlite_where=sa.text("state <> 'withdrawn'"),
            postgresql_where=sa.text("state <> 'withdrawn'"),
        )

    op.drop_table("certificate_renditions")
    with op.batch_alter_table("certificate_holders", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_certificate_holders_subject_id"))

    op.drop_table("certificate_holders")
    op.drop_table("certificate_bindings")
    op.drop_table("certificate_arrivals")
    with op.batch_alter_table("case_steps", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_case_steps_case_id"))

    op.drop_table("case_steps")
    with op.batch_alter_table("case_ratings", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_case_ratings_subject_id"))
        batch_op.drop_index(batch_op.f("ix_case_ratings_matter_code"))

    op.drop_table("case_ratings")
    op.drop_table("case_events")
    with op.batch_alter_table("case_archives", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_case_archives_state"))
        batch_op.drop_index(batch_op.f("ix_case_archives_stamp_ends_at"))

    op.drop_table("case_archives")
    with op.batch_alter_table("asks", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_asks_rule"))
        batch_op.drop_index(batch_op.f("ix_asks_owner_department_id"))
        batch_op.drop_index(batch_op.f("ix_asks_asked_at"))

    op.drop_table("asks")
    with op.batch_alter_table("wallet_offers", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_wallet_offers_subject_id"))
        batch_op.drop_index(batch_op.f("ix_wallet_offers_expires_at"))

    op.drop_table("wallet_offers")
    with op.batch_alter_table("wallet_asks", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_wallet_asks_expires_at"))

    op.drop_table("wallet_asks")
    op.drop_table("system_materials")
    with op.batch_alter_table("showing_requests", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_showing_requests_expires_at"))

    op.drop_table("showing_requests")
    op.drop_table("own_collection_feeds")
    with op.batch_alter_table("objections", schema=None) as batch_op:
        batch_op.drop_index("ix_objections_queue")
        batch_op.drop_index("ix_objections_holder")
        batch_op.drop_index(batch_op.f("ix_objections_certificate_id"))

    op.drop_table("objections")
    with op.batch_alter_table("kiosk_visits", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_kiosk_visits_subject_id"))

    op.drop_table("kiosk_visits")
    with op.batch_alter_table("holder_notice_messages", schema=None) as batch_op:
        batch_op.drop_index("ix_holder_notice_messages_state")

    op.drop_table("holder_notice_messages")
    with op.batch_alter_table("delegation_uses", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_delegation_uses_delegation_id"))

    op.drop_table("delegation_uses")
    with op.batch_alter_table("certificate_act_list_items", schema=None) as batch_op:
        batch_op.drop_index("ix_certificate_act_list_items_state")

    op.drop_table("certificate_act_list_items")
    with op.batch_alter_table("case_families", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_case_families_owner_department_id"))

    op.drop_table("case_families")
    with op.batch_alter_table("wallet_tokens", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_wallet_tokens_expires_at"))

    op.drop_table("wallet_tokens")
    with op.batch_alter_table("wallet_authorizations", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_wallet_authorizations_expires_at"))

    op.drop_table("wallet_authorizations")
    with op.batch_alter_table("showings", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_showings_live", sqlite_where=sa.text("state = 'live'"), postgresql_where=sa.text("state = 'live'")
        )
        batch_op.drop_index("ix_showings_holder")
        batch_op.drop_index(batch_op.f("ix_showings_expires_at"))
        batch_op.drop_index("ix_showings_asked")

    op.drop_table("showings")
    with op.batch_alter_table("reader_keys", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reader_keys_owner_department_id"))

    op.drop_table("reader_keys")
    with op.batch_alter_table("presentations", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_presentations_typed_hash"))
        batch_op.drop_index(
            "ix_presentations_live", sqlite_where=sa.text("state = 'live'"), postgresql_where=sa.text("state = 'live'")
        )
        batch_op.drop_index("ix_presentations_holder")
        batch_op.drop_index(batch_op.f("ix_presentations_expires_at"))

    op.drop_table("presentations")
    op.drop_table("own_collections")
    with op.batch_alter_table("mandates", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_mandates_to_department_id"))
        batch_op.drop_index(batch_op.f("ix_mandates_from_department_id"))

    op.drop_table("mandates")
    with op.batch_alter_table("life_events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_life_events_owner_department_id"))
        batch_op.drop_index(batch_op.f("ix_life_events_code"))

    op.drop_table("life_events")
    with op.batch_alter_table("late_orders", schema=None) as batch_op:
        batch_op.drop_index("ix_late_orders_queue")
        batch_op.drop_index(batch_op.f("ix_late_orders_lookup_hash"))

    op.drop_table("late_orders")
    with op.batch_alter_table("kiosks", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_kiosks_owner_department_id"))

    op.drop_table("kiosks")
    with op.batch_alter_table("intent_sheaves", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_intent_sheaves_owner_department_id"))

    op.drop_table("intent_sheaves")
    with op.batch_alter_table("holder_sessions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_holder_sessions_subject_id"))
        batch_op.drop_index(batch_op.f("ix_holder_sessions_expires_at"))

    op.drop_table("holder_sessions")
    op.drop_table("holder_places")
    with op.batch_alter_table("holder_notices", schema=None) as batch_op:
        batch_op.drop_index("ix_holder_notices_list")

    op.drop_table("holder_notices")
    op.drop_table("holder_notice_choices")
    with op.batch_alter_table("holder_identities", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_holder_identities_subject_id"))

    op.drop_table("holder_identities")
    op.drop_table("form_signatures")
    with op.batch_alter_table("erasures", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_erasures_subject_id"))

    op.drop_table("erasures")
    with op.batch_alter_table("delegations", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_delegations_to_id"))
        batch_op.drop_index(batch_op.f("ix_delegations_subject_id"))

    op.drop_table("delegations")
    with op.batch_alter_table("collection_feeds", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_collection_feeds_owner_department_id"))
        batch_op.drop_index(batch_op.f("ix_collection_feeds_due_at"))

    op.drop_table("collection_feeds")
    with op.batch_alter_table("certificate_acts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_certificate_acts_owner_department_id"))

    op.drop_table("certificate_acts")
    with op.batch_alter_table("certificate_act_lists", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_certificate_act_lists_owner_department_id"))

    op.drop_table("certificate_act_lists")
    with op.batch_alter_table("acting_sessions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_acting_sessions_began_at"))

    op.drop_table("acting_sessions")
    with op.batch_alter_table("wallet_seen", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_wallet_seen_expires_at"))

    op.drop_table("wallet_seen")
    with op.batch_alter_table("verification_tallies", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_verification_tallies_day"))

    op.drop_table("verification_tallies")
    op.drop_table("trust_peers")
    op.drop_table("trust_anchors")
    with op.batch_alter_table("stamp_orders", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_stamp_orders_waiting", sqlite_where=sa.text("token IS NULL"), postgresql_where=sa.text("token IS NULL")
        )

    op.drop_table("stamp_orders")
    with op.batch_alter_table("network_id_uses", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_network_id_uses_expires_at"))

    op.drop_table("network_id_uses")
    op.drop_table("ledger_witnesses")
    op.drop_table("ledger_rounds")
    op.drop_table("ledger_forks")
    op.drop_table("ledger_cosignatures")
    with op.batch_alter_table("kiosk_reads", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_kiosk_reads_read_at"))

    op.drop_table("kiosk_reads")
    op.drop_table("key_revocations")
    op.drop_table("issuer_seals")
    with op.batch_alter_table("holder_attempts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_holder_attempts_expires_at"))

    op.drop_table("holder_attempts")
    op.drop_table("face_templates")
    op.drop_table("expiry_reminders")
    op.drop_table("debt_turns")
    op.drop_table("certificate_type_halts")
    op.drop_table("case_forms")
    op.drop_table("authority_crls")
