# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Are samples read as the parties write them, under whichever of their names?"""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.catalogue import SCHEDULER, SERVER
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.envoy import statistics
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.exposition import read
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.figures import (
    figures,
    look_at,
    rises,
    together,
)
from ansible_collections.llmd.tpu.plugins.module_utils.metrics.sight import Party, Pod

MODEL = 'engine="0",model_name="Qwen/Qwen2.5-3B-Instruct"'
TEXT = f"""
# HELP vllm:num_requests_waiting Number of requests waiting to be processed.
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{{{MODEL}}} 3.0
# TYPE vllm:request_success_total counter
vllm:request_success_total{{finished_reason="stop",{MODEL}}} 4.0
vllm:request_success_total{{finished_reason="length",{MODEL}}} 1.0
# TYPE vllm:time_to_first_token_seconds histogram
vllm:time_to_first_token_seconds_bucket{{le="0.1",{MODEL}}} 4.0
vllm:time_to_first_token_seconds_bucket{{le="+Inf",{MODEL}}} 4.0
vllm:time_to_first_token_seconds_count{{{MODEL}}} 4.0
vllm:time_to_first_token_seconds_sum{{{MODEL}}} 0.5
vllm:kv_cache_usage_perc{{{MODEL}}} 0.25
vllm:cache_config_info{{block_size="128",num_gpu_blocks="1000"}} 1.0
"""


def test_one_name_with_its_labels() -> None:
    [sample] = read(TEXT, ["vllm:num_requests_waiting"])
    assert (sample.value, sample.labels["engine"]) == (3.0, "0")


def test_a_name_without_its_colon() -> None:
    plain = TEXT.replace("vllm:", "vllm_")
    assert [one.value for one in read(plain, ["vllm:num_requests_waiting"])] == [3.0]
    assert [one.name for one in read(plain, ["vllm:num_requests_waiting"])] == [
        "vllm:num_requests_waiting"
    ]
    assert look_at(plain, SERVER) == look_at(TEXT, SERVER)


def test_a_name_is_not_the_beginning_of_another() -> None:
    assert read("vllm:num_requests_waiting_by_reason 7\n", ["vllm:num_requests_waiting"]) == []


@pytest.mark.parametrize(
    "line", ['vllm:num_requests_waiting{a="b} 1', "vllm:num_requests_waiting {}", "vllm:a x"]
)
def test_a_broken_line(line: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read(line, ["vllm:num_requests_waiting", "vllm:a"])


@pytest.mark.parametrize("text", ["", "<html>nothing of the kind</html>", "\x00\x01"])
def test_a_text_of_something_else_has_no_figures(text: str) -> None:
    assert look_at(text, SERVER).totals == {}
    assert look_at(text, SCHEDULER).totals == {}


def test_figures_of_a_server() -> None:
    seen = look_at(TEXT, SERVER)
    told = figures(seen.totals, SERVER)
    assert told["requests_waiting"] == 3
    assert told["requests_finished"] == 5
    assert told["requests_finished_by_finished_reason"] == {"stop": 4, "length": 1}
    assert told["first_token_seconds"] == 0.125
    assert told["kv_cache_percent"] == 25
    assert told["token_seconds"] is told["preemptions"] is None
    assert seen.cache_tokens == 128_000


OLD = """
vllm:gpu_cache_usage_perc 0.5
vllm:gpu_prefix_cache_queries_total 100
vllm:gpu_prefix_cache_hits_total 25
vllm:time_per_output_token_seconds_sum 3
vllm:time_per_output_token_seconds_count 100
"""
BOTH = (
    OLD
    + """
vllm:kv_cache_usage_perc 0.6
vllm:prefix_cache_queries_total 200
vllm:prefix_cache_hits_total 100
vllm:inter_token_latency_seconds_sum 2
vllm:inter_token_latency_seconds_count 100
"""
)


@pytest.mark.parametrize(("text", "told"), [(OLD, (50, 25, 0.03)), (BOTH, (60, 50, 0.02))])
def test_the_newer_name_counts_and_the_older_one_without_it(
    text: str, told: tuple[float, float, float]
) -> None:
    found = figures(look_at(text, SERVER).totals, SERVER)
    names = ("kv_cache_percent", "prefix_hit_percent", "token_seconds")
    assert tuple(found[name] for name in names) == told


@pytest.mark.parametrize("family", ["inference_objective", "inference_model"])
def test_both_families_of_the_scheduler(family: str) -> None:
    text = f"""
inference_pool_ready_pods{{name="pool"}} 2
inference_pool_average_kv_cache_utilization{{name="pool"}} 0.125
inference_extension_info{{build_ref="v1.2.0",commit="abc"}} 1
{family}_request_total{{model_name="a",target_model_name="a"}} 3
{family}_request_total{{model_name="b",target_model_name="b"}} 4
{family}_request_error_total{{error_code="ModelServerError",model_name="a"}} 2
"""
    seen = look_at(text, SCHEDULER)
    told = figures(seen.totals, SCHEDULER)
    assert (told["requests"], told["request_errors"], told["pool_ready_pods"]) == (7, 2, 2)
    assert told["request_errors_by_error_code"] == {"ModelServerError": 2}
    assert told["pool_kv_cache_percent_average"] == 12.5
    assert seen.version == "v1.2.0 abc"


def test_what_appears_with_its_first_event_was_none_before() -> None:
    told = figures(look_at("inference_pool_ready_pods 1\n", SCHEDULER).totals, SCHEDULER)
    assert (told["requests"], told["request_errors"]) == (0, 0)
    assert told["pool_kv_cache_percent_average"] is None


def _pod(name: str, before: str | None, after: str) -> Pod:
    first = None if before is None else look_at(before, SERVER)
    return Pod("team", name, True, first, look_at(after, SERVER))


def _counts(finished: int, usage: float = 0.0) -> str:
    return f"vllm:request_success_total {finished}\nvllm:kv_cache_usage_perc {usage}\n"


def test_pods_together() -> None:
    pods = (_pod("a", _counts(3), _counts(5, 0.2)), _pod("b", _counts(7), _counts(8, 0.6)))
    party = Party(SERVER, pods)
    assert (party.now["requests_finished"], party.before["requests_finished"]) == (13, 10)
    assert party.recent["requests_finished"] == 3
    assert party.now["kv_cache_percent"] == 60  # the fullest one's
    assert party.alone(pods[0]).now["kv_cache_percent"] == 20


def test_a_restarted_pod_counts_from_zero_and_a_new_one_not_at_all() -> None:
    pods = (_pod("a", _counts(100), _counts(2)), _pod("b", None, _counts(50)))
    assert Party(SERVER, pods).recent["requests_finished"] == 2


def test_a_single_look_has_nothing_recent() -> None:
    assert Party(SERVER, (_pod("a", None, _counts(1)),)).recent == {}


def test_means_within_a_time() -> None:
    name = "vllm:e2e_request_latency_seconds"
    before, after = (
        look_at(f"{name}_sum {total}\n{name}_count {count}\n", SERVER).totals
        for total, count in ((10, 10), (16, 12))
    )
    rose = rises(before, after, SERVER)
    assert figures(rose, SERVER)["request_seconds"] == 3
    assert figures(together([rose, rose], SERVER), SERVER)["request_seconds"] == 3


def test_envoy_counts_by_service() -> None:
    text = """{"cluster_statuses": [
      {"name": "outbound|54321||qwen-inference-pool-ip-0a1b.team.svc.cluster.local",
       "host_statuses": [{"stats": [{"name": "rq_total", "value": "3"}]},
                         {"stats": [{"name": "rq_total", "value": "4"},
                                    {"name": "rq_error", "value": "1"}]}]},
      {"name": "xds-grpc"}, {"host_statuses": []}, "nonsense"]}"""
    [(place, counted)] = statistics(text).items()
    assert place == ("team", "qwen-inference-pool-ip-0a1b")
    assert dict(counted) == {"rq_total": 7, "rq_error": 1}


# Taken from the sandbox after 55 answers: the stand-in of vLLM 0.11.1, the scheduler of the
# inference extension 1.5.0, Envoy 1.36.4 under Istio 1.28.3; shortened to what is about a service.
HERE = Path(__file__).parent


def test_a_whole_text_of_vllm() -> None:
    seen = look_at((HERE / "vllm-0.11.1.txt").read_text(), SERVER)
    told = figures(seen.totals, SERVER)
    assert None not in told.values()
    assert told["requests_finished_by_finished_reason"] == {"stop": 0, "length": 55, "abort": 0}
    assert (told["generation_tokens"], told["prefix_hit_percent"]) == (11000, 67.205)
    assert told["request_seconds"] == pytest.approx(0.2135, abs=1e-4)
    assert seen.cache_tokens == 1_554_048


def test_a_whole_text_of_the_scheduler() -> None:
    told = figures(look_at((HERE / "epp-1.5.0.txt").read_text(), SCHEDULER).totals, SCHEDULER)
    assert (told["requests"], told["request_errors"], told["pool_ready_pods"]) == (55, 0, 1)
    assert None not in told.values()


def test_a_whole_list_of_envoy() -> None:
    found = statistics((HERE / "envoy-1.36-clusters.json").read_text())
    namespace, name = "llm-d-inference-scheduling", "qwen2-3b-pattern1"
    assert found[namespace, f"{name}-inference-pool-ip-30172fd8"]["rq_success"] == 55
    assert found[namespace, f"{name}-epp-service"]["rq_total"] == 55
