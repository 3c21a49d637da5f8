"""sources and exchange"""

import sqlalchemy as sa
from alembic import op

from catalog.tables import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "clock_settings",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "oidc_attempts",
        sa.Column("state_hash", sa.String(length=64), nullable=False),
        sa.Column("cookie_hash", sa.String(length=64), nullable=False),
        sa.Column("back", sa.String(length=500), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("state_hash"),
    )
    with op.batch_alter_table("oidc_attempts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_oidc_attempts_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "proposals",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("proposed_by", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("decided_by", sa.JSON(), nullable=False),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("proposals", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_proposals_state"), ["state"], unique=False)

    op.create_table(
        "sign_in_attempts",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", Instant(), nullable=False),
        sa.Column("blocked_until", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("sign_in_attempts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sign_in_attempts_last_at"), ["last_at"], unique=False)

    op.create_table(
        "department_profiles",
        sa.Column("department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("duties", sa.JSON(), nullable=False),
        sa.Column("contact", sa.String(length=200), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"]),
        sa.PrimaryKeyConstraint("department_id"),
    )
    op.create_table(
        "department_successions",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column(
            "from_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column(
            "into_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("as_of", sa.String(length=10), nullable=False),
        sa.Column("legal_basis", sa.String(length=500), nullable=False),
        sa.Column("moved", sa.JSON(), nullable=False),
        sa.Column("actor", sa.JSON(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["from_department_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["into_department_id"], ["departments.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("department_successions", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_department_successions_from_department_id"), ["from_department_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_department_successions_into_department_id"), ["into_department_id"], unique=False
        )

    op.create_table(
        "form_drafts",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column(
            "owner_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("data_key", sa.LargeBinary(), nullable=False),
        sa.Column("kek_kid", sa.String(length=32), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["owner_department_id"], ["departments.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("form_drafts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_form_drafts_owner_department_id"), ["owner_department_id"], unique=False)

    op.create_table(
        "notices",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("object_kind", sa.String(length=20), nullable=False),
        sa.Column("object_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("once", sa.String(length=120), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=True),
        sa.Column("seen_by", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("once"),
    )
    with op.batch_alter_table("notices", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notices_department_id"), ["department_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_notices_object_id"), ["object_id"], unique=False)

    op.create_table(
        "sources",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column(
            "owner_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["owner_department_id"], ["departments.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code"),
    )
    with op.batch_alter_table("sources", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sources_owner_department_id"), ["owner_department_id"], unique=False)

    op.create_table(
        "staff",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column(
            "owner_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True
        ),
        sa.Column("user_name", sa.String(length=64), nullable=False),
        sa.Column("display_name", sa.String(length=100), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=True),
        sa.Column("external_id", sa.String(length=255), nullable=True),
        sa.Column("break_glass", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("notices_seen_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["owner_department_id"], ["departments.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("external_id"),
        sa.UniqueConstraint("user_name"),
    )
    with op.batch_alter_table("staff", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_staff_owner_department_id"), ["owner_department_id"], unique=False)

    op.create_table(
        "account_notices",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("staff_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("text_zh", sa.String(length=500), nullable=False),
        sa.Column("text_en", sa.String(length=500), nullable=False),
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("account_notices", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_account_notices_created_at"), ["created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_account_notices_staff_id"), ["staff_id"], unique=False)

    op.create_table(
        "collection_batches",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column(
            "owner_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("system_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("ordered", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("problem", sa.JSON(), nullable=False),
        sa.Column("totals", sa.JSON(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("done_bytes", sa.BigInteger(), nullable=False),
        sa.Column("report_pieces", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("data_key", sa.LargeBinary(), nullable=False),
        sa.Column("kek_kid", sa.String(length=32), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["owner_department_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("collection_batches", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_collection_batches_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_collection_batches_owner_department_id"), ["owner_department_id"], unique=False
        )

    op.create_table(
        "demands",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column(
            "asking_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("system_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.Column(
            "owner_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True
        ),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("wanted", sa.JSON(), nullable=False),
        sa.Column("candidates", sa.JSON(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("filed_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["asking_department_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["owner_department_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("demands", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_demands_asking_department_id"), ["asking_department_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_demands_due_at"), ["due_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_demands_owner_department_id"), ["owner_department_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_demands_state"), ["state"], unique=False)

    op.create_table(
        "disclosure_uses",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("mark", sa.String(length=80), nullable=False),
        sa.Column("system_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("case_no", sa.String(length=40), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("used_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("disclosure_uses", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_disclosure_uses_mark"), ["mark"], unique=False)

    op.create_table(
        "gateway_keys",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("system_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("app_key", sa.String(length=40), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("data_key", sa.LargeBinary(), nullable=False),
        sa.Column("kek_kid", sa.String(length=32), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("app_key"),
    )
    with op.batch_alter_table("gateway_keys", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gateway_keys_system_id"), ["system_id"], unique=False)

    op.create_table(
        "interfaces",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "owner_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("source_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("published_at", Instant(), nullable=True),
        sa.Column("ends_at", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["owner_department_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code", "version"),
    )
    with op.batch_alter_table("interfaces", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_interfaces_code"), ["code"], unique=False)
        batch_op.create_index(batch_op.f("ix_interfaces_owner_department_id"), ["owner_department_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_interfaces_source_id"), ["source_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_interfaces_state"), ["state"], unique=False)

    op.create_table(
        "pushed_batches",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("source_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("dataset", sa.String(length=64), nullable=False),
        sa.Column("as_of", Instant(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("superseded_older", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("pushed_batches", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pushed_batches_source_id"), ["source_id"], unique=False)

    op.create_table(
        "pushed_datasets",
        sa.Column("source_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("dataset", sa.String(length=64), nullable=False),
        sa.Column("shape", sa.String(length=64), nullable=False),
        sa.Column("newest_as_of", Instant(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"]),
        sa.PrimaryKeyConstraint("source_id", "dataset"),
    )
    op.create_table(
        "pushed_rows",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("source_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("dataset", sa.String(length=64), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("as_of", Instant(), nullable=False),
        sa.Column("valid_until", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("source_id", "dataset", "key_hash"),
    )
    with op.batch_alter_table("pushed_rows", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pushed_rows_valid_until"), ["valid_until"], unique=False)

    op.create_table(
        "pushed_sources",
        sa.Column("source_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("data_key", sa.LargeBinary(), nullable=False),
        sa.Column("kek_kid", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"]),
        sa.PrimaryKeyConstraint("source_id"),
    )
    op.create_table(
        "source_probes",
        sa.Column("source_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"]),
        sa.PrimaryKeyConstraint("source_id"),
    )
    op.create_table(
        "source_secrets",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("source_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("data_key", sa.LargeBinary(), nullable=False),
        sa.Column("kek_kid", sa.String(length=32), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("source_id", "name"),
    )
    op.create_table(
        "staff_links",
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("staff_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("secret_hash"),
    )
    with op.batch_alter_table("staff_links", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_staff_links_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_staff_links_staff_id"), ["staff_id"], unique=False)

    op.create_table(
        "staff_sessions",
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("staff_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("label", sa.String(length=100), nullable=False),
        sa.Column("peer", sa.String(length=64), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("secret_hash"),
    )
    with op.batch_alter_table("staff_sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_staff_sessions_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_staff_sessions_staff_id"), ["staff_id"], unique=False)

    op.create_table(
        "subscriptions",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("system_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column(
            "owner_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("host", sa.String(length=260), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("data_key", sa.LargeBinary(), nullable=False),
        sa.Column("kek_kid", sa.String(length=32), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["owner_department_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("subscriptions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_subscriptions_system_id"), ["system_id"], unique=False)

    op.create_table(
        "agent_deliveries",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("source_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("case_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("matter", sa.String(length=64), nullable=False),
        sa.Column("operation", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("last_error", sa.String(length=200), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("data_key", sa.LargeBinary(), nullable=False),
        sa.Column("kek_kid", sa.String(length=32), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("agent_deliveries", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_agent_deliveries_case_id"), ["case_id"], unique=False)
        batch_op.create_index("ix_agent_deliveries_due", ["source_id", "state", "due_at"], unique=False)

    op.create_table(
        "alarms",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column(
            "owner_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("interface_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.Column("field", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("raised_at", Instant(), nullable=False),
        sa.Column("lifted_at", Instant(), nullable=True),
        sa.Column("lifted_by", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["interface_id"], ["interfaces.id"]),
        sa.ForeignKeyConstraint(["owner_department_id"], ["departments.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("alarms", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_alarms_interface_id"), ["interface_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_alarms_owner_department_id"), ["owner_department_id"], unique=False)

    op.create_table(
        "collection_parts",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("batch_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["collection_batches.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("batch_id", "number"),
    )
    op.create_table(
        "demand_steps",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("demand_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("step", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column(
            "owner_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True
        ),
        sa.Column("actor", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(length=2000), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(["demand_id"], ["demands.id"]),
        sa.ForeignKeyConstraint(["owner_department_id"], ["departments.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("demand_steps", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_demand_steps_demand_id"), ["demand_id"], unique=False)

    op.create_table(
        "grant_requests",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column(
            "owner_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column(
            "asking_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("system_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("resource_kind", sa.String(length=20), nullable=False),
        sa.Column("resource", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("purpose", sa.String(length=200), nullable=False),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("asked_by", sa.JSON(), nullable=False),
        sa.Column("filed_at", Instant(), nullable=False),
        sa.Column("clock", sa.JSON(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("due_assumed", sa.Boolean(), nullable=False),
        sa.Column("asks", sa.Integer(), nullable=False),
        sa.Column("extensions", sa.Integer(), nullable=False),
        sa.Column("decision", sa.JSON(), nullable=False),
        sa.Column("grant_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=True),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["asking_department_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"]),
        sa.ForeignKeyConstraint(["owner_department_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("grant_requests", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_grant_requests_asking_department_id"), ["asking_department_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_grant_requests_due_at"), ["due_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_grant_requests_owner_department_id"), ["owner_department_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_grant_requests_resource"), ["resource"], unique=False)
        batch_op.create_index(batch_op.f("ix_grant_requests_state"), ["state"], unique=False)
        batch_op.create_index(batch_op.f("ix_grant_requests_system_id"), ["system_id"], unique=False)

    op.create_table(
        "interface_events",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("interface_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("actor_kind", sa.String(length=20), nullable=False),
        sa.Column("actor_id", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["interface_id"], ["interfaces.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("interface_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_interface_events_interface_id"), ["interface_id"], unique=False)

    op.create_table(
        "interface_trials",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("interface_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("definition_digest", sa.String(length=64), nullable=False),
        sa.Column("source_row_version", sa.Integer(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("actor_id", sa.String(length=64), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["interface_id"], ["interfaces.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("interface_trials", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_interface_trials_interface_id"), ["interface_id"], unique=False)

    op.create_table(
        "pushed_lookups",
        sa.Column("row_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("way", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["row_id"], ["pushed_rows.id"]),
        sa.PrimaryKeyConstraint("row_id", "way"),
    )
    with op.batch_alter_table("pushed_lookups", schema=None) as batch_op:
        batch_op.create_index("ix_pushed_lookups_way", ["way"], unique=False)

    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column(
            "subscription_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("change_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("case_no", sa.String(length=40), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(length=40), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["subscription_id"], ["subscriptions.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("subscription_id", "change_id", "ledger_entry_id"),
    )
    with op.batch_alter_table("webhook_deliveries", schema=None) as batch_op:
        batch_op.create_index("ix_webhook_deliveries_state", ["subscription_id", "state"], unique=False)

    op.create_table(
        "grant_disputes",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("request_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column(
            "owner_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column(
            "asking_department_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("filed_at", Instant(), nullable=False),
        sa.Column("clock", sa.JSON(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("outcome", sa.JSON(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["asking_department_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["owner_department_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["request_id"], ["grant_requests.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("grant_disputes", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_grant_disputes_asking_department_id"), ["asking_department_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_grant_disputes_due_at"), ["due_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_grant_disputes_owner_department_id"), ["owner_department_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_grant_disputes_request_id"), ["request_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_grant_disputes_stage"), ["stage"], unique=False)

    op.create_table(
        "grant_request_steps",
        sa.Column("id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("request_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False),
        sa.Column("step", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("actor", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(length=2000), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column(
            "ledger_entry_id", sa.Uuid(as_uuid=False).with_variant(sa.String(length=36), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(["request_id"], ["grant_requests.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("grant_request_steps", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_grant_request_steps_request_id"), ["request_id"], unique=False)

    with op.batch_alter_table("evidence_requests", schema=None) as batch_op:
        batch_op.add_column(sa.Column("kind", sa.String(length=10), server_default="evidence", nullable=False))

    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("resource_kind", sa.String(length=20), server_default="certificate_type", nullable=False)
        )


def downgrade() -> None:
    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.drop_column("resource_kind")

    with op.batch_alter_table("evidence_requests", schema=None) as batch_op:
        batch_op.drop_column("kind")

    with op.batch_alter_table("grant_request_steps", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_grant_request_steps_request_id"))

    op.drop_table("grant_request_steps")
    with op.batch_alter_table("grant_disputes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_grant_disputes_stage"))
        batch_op.drop_index(batch_op.f("ix_grant_disputes_request_id"))
        batch_op.drop_index(batch_op.f("ix_grant_disputes_owner_department_id"))
        batch_op.drop_index(batch_op.f("ix_grant_disputes_due_at"))
        batch_op.drop_index(batch_op.f("ix_grant_disputes_asking_department_id"))

    op.drop_table("grant_disputes")
    with op.batch_alter_table("webhook_deliveries", schema=None) as batch_op:
        batch_op.drop_index("ix_webhook_deliveries_state")

    op.drop_table("webhook_deliveries")
    with op.batch_alter_table("pushed_lookups", schema=None) as batch_op:
        batch_op.drop_index("ix_pushed_lookups_way")

    op.drop_table("pushed_lookups")
    with op.batch_alter_table("interface_trials", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_interface_trials_interface_id"))

    op.drop_table("interface_trials")
    with op.batch_alter_table("interface_events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_interface_events_interface_id"))

    op.drop_table("interface_events")
    with op.batch_alter_table("grant_requests", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_grant_requests_system_id"))
        batch_op.drop_index(batch_op.f("ix_grant_requests_state"))
        batch_op.drop_index(batch_op.f("ix_grant_requests_resource"))
        batch_op.drop_index(batch_op.f("ix_grant_requests_owner_department_id"))
        batch_op.drop_index(batch_op.f("ix_grant_requests_due_at"))
        batch_op.drop_index(batch_op.f("ix_grant_requests_asking_department_id"))

    op.drop_table("grant_requests")
    with op.batch_alter_table("demand_steps", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_demand_steps_demand_id"))

    op.drop_table("demand_steps")
    op.drop_table("collection_parts")
    with op.batch_alter_table("alarms", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_alarms_owner_department_id"))
        batch_op.drop_index(batch_op.f("ix_alarms_interface_id"))

    op.drop_table("alarms")
    with op.batch_alter_table("agent_deliveries", schema=None) as batch_op:
        batch_op.drop_index("ix_agent_deliveries_due")
        batch_op.drop_index(batch_op.f("ix_agent_deliveries_case_id"))

    op.drop_table("agent_deliveries")
    with op.batch_alter_table("subscriptions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_subscriptions_system_id"))

    op.drop_table("subscriptions")
    with op.batch_alter_table("staff_sessions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_staff_sessions_staff_id"))
        batch_op.drop_index(batch_op.f("ix_staff_sessions_expires_at"))

    op.drop_table("staff_sessions")
    with op.batch_alter_table("staff_links", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_staff_links_staff_id"))
        batch_op.drop_index(batch_op.f("ix_staff_links_expires_at"))

    op.drop_table("staff_links")
    op.drop_table("source_secrets")
    op.drop_table("source_probes")
    op.drop_table("pushed_sources")
    with op.batch_alter_table("pushed_rows", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pushed_rows_valid_until"))

    op.drop_table("pushed_rows")
    op.drop_table("pushed_datasets")
    with op.batch_alter_table("pushed_batches", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pushed_batches_source_id"))

    op.drop_table("pushed_batches")
    with op.batch_alter_table("interfaces", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_interfaces_state"))
        batch_op.drop_index(batch_op.f("ix_interfaces_source_id"))
        batch_op.drop_index(batch_op.f("ix_interfaces_owner_department_id"))
        batch_op.drop_index(batch_op.f("ix_interfaces_code"))

    op.drop_table("interfaces")
    with op.batch_alter_table("gateway_keys", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gateway_keys_system_id"))

    op.drop_table("gateway_keys")
    with op.batch_alter_table("disclosure_uses", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_disclosure_uses_mark"))

    op.drop_table("disclosure_uses")
    with op.batch_alter_table("demands", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_demands_state"))
        batch_op.drop_index(batch_op.f("ix_demands_owner_department_id"))
        batch_op.drop_index(batch_op.f("ix_demands_due_at"))
        batch_op.drop_index(batch_op.f("ix_demands_asking_department_id"))

    op.drop_table("demands")
    with op.batch_alter_table("collection_batches", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_collection_batches_owner_department_id"))
        batch_op.drop_index(batch_op.f("ix_collection_batches_expires_at"))

    op.drop_table("collection_batches")
    with op.batch_alter_table("account_notices", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_account_notices_staff_id"))
        batch_op.drop_index(batch_op.f("ix_account_notices_created_at"))

    op.drop_table("account_notices")
    with op.batch_alter_table("staff", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_staff_owner_department_id"))

    op.drop_table("staff")
    with op.batch_alter_table("sources", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sources_owner_department_id"))

    op.drop_table("sources")
    with op.batch_alter_table("notices", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_notices_object_id"))
        batch_op.drop_index(batch_op.f("ix_notices_department_id"))

    op.drop_table("notices")
    with op.batch_alter_table("form_drafts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_form_drafts_owner_department_id"))

    op.drop_table("form_drafts")
    with op.batch_alter_table("department_successions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_department_successions_into_department_id"))
        batch_op.drop_index(batch_op.f("ix_department_successions_from_department_id"))

    op.drop_table("department_successions")
    op.drop_table("department_profiles")
    with op.batch_alter_table("sign_in_attempts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sign_in_attempts_last_at"))

    op.drop_table("sign_in_attempts")
    with op.batch_alter_table("proposals", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_proposals_state"))

    op.drop_table("proposals")
    with op.batch_alter_table("oidc_attempts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_oidc_attempts_expires_at"))

    op.drop_table("oidc_attempts")
    op.drop_table("clock_settings")
