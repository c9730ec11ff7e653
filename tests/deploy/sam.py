"""A stage's template as `chalice package` makes it, without the bundle that takes most of its time."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from chalice.config import Config
from chalice.deploy.appgraph import ApplicationGraphBuilder, DependencyBuilder
from chalice.deploy.deployer import BaseDeployStep, BuildStage, InjectDefaults, SwaggerBuilder
from chalice.deploy.swagger import CFNSwaggerGenerator
from chalice.package import PackageOptions, ResourceBuilder, SAMTemplateGenerator, TemplateDeepMerger

from app import app
from deploy.stage import CONFIG, ROOT, Options, Stage
from deploy.template import extras, finish


def stage(name: str = "dev", region: str = "cn-north-1", prefix: str = "", **options: Any) -> Stage:
    environment = {"JISHI_STAGE": name, "JISHI_REGION": region, "JISHI_TABLE_PREFIX": prefix or f"jishi-{name}-"}
    return Stage(name, region, environment, Options(**options))


def packaged(stage: Stage, bundle: str = "a" * 64) -> dict[str, Any]:
    """What is deployed with the bundle of this sha256."""
    return finish(merged(stage), stage, bundle)


def merged(stage: Stage) -> dict[str, Any]:
    """Chalice's template with ours merged into it, through JSON as between two processes."""
    found: dict[str, Any] = json.loads(
        json.dumps(TemplateDeepMerger().merge(extras(stage), json.loads(_sam(stage.name))))
    )
    return found


class _Code(BaseDeployStep):
    def handle_deploymentpackage(self, config: Config, resource: Any) -> None:
        resource.filename = "./deployment.zip"


class _Partition:
    region_name = "cn-north-1"

    def endpoint_dns_suffix(self, service: str, region: str) -> str:
        return "amazonaws.com.cn"

    def service_principal(self, service: str, region: str, suffix: str) -> str:
        return f"{service}.amazonaws.com"


@cache
def _sam(name: str) -> str:
    known = json.loads((ROOT / CONFIG).read_text(encoding="utf-8"))
    known["stages"].setdefault(name, known["stages"]["dev"])
    given = {"chalice_app": app, "project_dir": str(ROOT)}
    config = Config(name, user_provided_params=given, config_from_disk=known)
    steps = [InjectDefaults(), _Code(), SwaggerBuilder(CFNSwaggerGenerator())]
    builder = ResourceBuilder(ApplicationGraphBuilder(), DependencyBuilder(), BuildStage(steps))
    generator = SAMTemplateGenerator(config, PackageOptions(_Partition()))
    return json.dumps(generator.generate(builder.construct_resources(config, name)))
