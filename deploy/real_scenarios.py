"""Every scenario pack on the servers of `test_services.sh`, in a database and a bucket that are removed at the end.

For `bash deploy/test_services.sh run .venv/bin/python deploy/real_scenarios.py [ARGUMENTS OF scenario run]`.
"""

import os
import subprocess
import sys
import uuid
from urllib.parse import unquote, urlsplit

import psycopg
from minio import Minio


def main(arguments: list[str]) -> int:
    """The exit code of the run."""
    postgres, own = os.environ["YIZHENG_TEST_POSTGRES"], f"scenarios{uuid.uuid4().hex[:12]}"
    s3 = urlsplit(os.environ["YIZHENG_TEST_S3"])
    bucket = Minio(
        endpoint=f"{s3.hostname}:{s3.port}", access_key=unquote(s3.username or ""),
        secret_key=unquote(s3.password or ""), secure=s3.scheme == "https",
    )  # fmt: skip
    environment = {
        **os.environ,
        "YIZHENG_DATABASE_URL": f"{postgres}/{own}",
        "YIZHENG_REDIS_URL": os.environ["YIZHENG_TEST_REDIS"],
        "YIZHENG_OBJECTS_URL": f"{s3.geturl()}/{own}",
        "YIZHENG_SCENARIO_POSTGRESQL": postgres,
        "YIZHENG_SCENARIO_MARIADB": os.environ["YIZHENG_TEST_MARIADB"],
    }
    with psycopg.connect(f"{postgres}/postgres", autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{own}"')
        bucket.make_bucket(bucket_name=own)
        try:
            command = [sys.executable, "-m", "hub.cli", "scenario", "run", *(arguments or ["all"]), "--real"]
            return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603  # of our own words
        finally:
            for item in bucket.list_objects(bucket_name=own, recursive=True):
                bucket.remove_object(bucket_name=own, object_name=str(item.object_name))
            bucket.remove_bucket(bucket_name=own)
            admin.execute(f'DROP DATABASE "{own}" WITH (FORCE)')


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
