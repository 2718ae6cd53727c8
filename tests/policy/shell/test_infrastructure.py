"""What others depend on: each effect on commands that have it and on their harmless neighbours."""

from __future__ import annotations

import pytest

from axonflow_hooks.policy.shell.effects import effects_of
from axonflow_hooks.policy.shell.lower import lower

HAVING = {
    "destroys_infrastructure": [
        "terraform destroy -auto-approve",
        "terraform -chdir=infra destroy",
        "terragrunt run --all destroy",
        "terraform apply -destroy",
        "terraform state rm x",
        "aws s3 rb s3://b --force",
        "aws s3 rm s3://b --recursive",
        "aws --profile p --region r ec2 terminate-instances --instance-ids i",
        "aws backup delete-backup-vault --name x",
        "gcloud projects delete p",
        "gcloud storage rm -r gs://b",
        "gsutil -m rm -r gs://b",
        "bq rm -r -f d",
        "az group delete -n g",
        "kubectl -n prod delete deploy web",
        "kubectl delete pods --all",
        "kubectl drain n --force",
        "helm -n p uninstall x",
        "gh repo delete o/r",
        "gh api -X DELETE repos/o/r",
        "glab repo delete o/r",
        "heroku apps:destroy a",
        "pulumi destroy",
        "consul kv delete -recurse a",
        "etcdctl del a --prefix",
        "vault secrets disable s",
        "rabbitmqctl reset",
    ],
    "destroys_database": [
        "dropdb a",
        "redis-cli -h x -n 2 flushdb",
        "mongosh --eval 'db.dropDatabase()'",
        "mysqladmin -f drop a",
        "rails db:drop",
        "npx prisma migrate reset",
        "npx prisma db push --force-reset",
        "npx sequelize-cli db:drop",
        "python manage.py flush",
        "php artisan migrate:fresh",
        "curl -XDELETE http://localhost:9200/_all",
        "curl -X DELETE 'http://es:9200/*'",
    ],
    "rewrites_history": [
        "git push --force origin main",
        "git push -f",
        "git push origin +main",
        "git push --mirror",
        "git push origin :main",
        "git -C r push --force origin main",
        "git filter-branch --all",
        "git reflog expire --expire=now --all",
    ],
    "discards_work": ["git reset --hard", "git clean -fdx", "git checkout -- .", "git stash clear", "git branch -D x"],
    "unpublishes": ["npm unpublish p", "cargo yank --version 1", "gem yank x", "gh release delete v1"],
}
HARMLESS = [
    "terraform plan",
    "terraform destroy --help",
    "aws s3 ls",
    "aws s3 rm s3://b/x",
    "aws --region delete-stack s3 ls",
    "aws sqs delete-message --queue-url x",
    "gcloud compute instances list",
    "az group list",
    "kubectl delete pod web-1",
    "kubectl get ns",
    "kubectl -n delete get pods",
    "helm template x",
    "gh api repos/o/r",
    "gh api -X DELETE repos/o/r/issues/1/labels/x",
    "consul kv get a",
    "vault kv get s",
    "createdb a",
    "redis-cli get flushall",
    "npx prisma db push",
    "python manage.py migrate",
    "curl -X DELETE http://localhost:3000/users/1",
    "git push origin feature",
    "git push --force origin feature",
    "git push --force --dry-run origin main",
    "git reset x",
    "git clean -n",
    "git checkout main",
    "npm publish",
    "cargo publish",
]


@pytest.mark.parametrize(
    ("effect", "source"), [(effect, source) for effect, sources in HAVING.items() for source in sources]
)
def test_commands_that_have_the_effect(effect: str, source: str) -> None:
    assert effect in effects_of(lower(source))


@pytest.mark.parametrize("source", HARMLESS)
def test_commands_that_have_none(source: str) -> None:
    assert HAVING.keys() & effects_of(lower(source)).keys() == set()
