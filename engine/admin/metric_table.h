#pragma once
// Every counter, gauge and histogram of the doors and of verify with its Prometheus name and help.
// The static_asserts fail when a member is added to RadiusMetrics, HttpMetrics or VerifyMetrics and
// not here.

#include <array>
#include <string_view>

#include "engine/http/metrics.h"
#include "engine/radius/coa/coa_metrics.h"
#include "engine/radius/metrics.h"
#include "verify/metrics.h"

namespace sallyport::admin {

enum class Kind : std::uint8_t { counter, gauge };

/// One number in each of `Metrics`, summed unless `by_shard`.
template <typename Metrics>
struct Scalar {
  verify::Counter Metrics::* member;
  Kind kind;
  std::string_view name;
  std::string_view help;
  bool by_shard = false;  ///< one sample a shard: a sum would hide an idle or overloaded one
};

template <typename Metrics>
struct Distribution {
  verify::Histogram Metrics::* member;
  std::string_view name;
  std::string_view help;
};

using radius_door::RadiusMetrics;
using verify::VerifyMetrics;

inline constexpr std::array kRadiusScalars = std::to_array<Scalar<RadiusMetrics>>({
    {&RadiusMetrics::requests, Kind::counter, "sallyport_radius_requests_total",
     "Authenticated datagrams from clients, duplicates included."},
    {&RadiusMetrics::duplicates_answered, Kind::counter,
     "sallyport_radius_duplicates_answered_total",
     "Retransmissions answered with the stored answer."},
    {&RadiusMetrics::connection_ended, Kind::counter, "sallyport_radius_connection_ended_total",
     "Exchanges abandoned because the client's TLS connection had ended."},
    {&RadiusMetrics::radsec_handshakes, Kind::counter, "sallyport_radsec_handshakes_total",
     "TLS handshakes with clients that succeeded."},
    {&RadiusMetrics::radsec_connections, Kind::gauge, "sallyport_radsec_connections",
     "TLS connections of clients, those in their handshake included.", true},
    {&RadiusMetrics::replaced, Kind::counter, "sallyport_radius_replaced_total",
     "Exchanges abandoned because the client reused the Identifier for a new request."},
    {&RadiusMetrics::evicted, Kind::counter, "sallyport_radius_evicted_total",
     "Answered exchanges given up before their duplicate window ended, the pool being full."},
    {&RadiusMetrics::forwarded, Kind::counter, "sallyport_radius_forwarded_total",
     "Requests sent downstream for the first time."},
    {&RadiusMetrics::retransmitted, Kind::counter, "sallyport_radius_retransmitted_total",
     "Requests sent downstream again."},
    {&RadiusMetrics::failed_over, Kind::counter, "sallyport_radius_failed_over_total",
     "Requests sent to another server because the first did not answer."},
    {&RadiusMetrics::unserved, Kind::counter, "sallyport_radius_unserved_total",
     "Access-Requests rejected because no route serves them."},
    {&RadiusMetrics::downstream_timeouts, Kind::counter,
     "sallyport_radius_downstream_timeouts_total", "Requests that the downstream never answered."},
    {&RadiusMetrics::replies, Kind::counter, "sallyport_radius_replies_total",
     "Authentic replies from the downstream."},
    {&RadiusMetrics::questions, Kind::counter, "sallyport_radius_questions_total",
     "Second factors asked for."},
    {&RadiusMetrics::codes_asked, Kind::counter, "sallyport_radius_codes_asked_total",
     "Logins whose user was asked for a code by Access-Challenge."},
    {&RadiusMetrics::late_verdicts, Kind::counter, "sallyport_radius_late_verdicts_total",
     "Verdicts for an exchange that was gone."},
    {&RadiusMetrics::silent, Kind::counter, "sallyport_radius_silent_total",
     "Requests left unanswered by the policy on_unavailable = \"silent\"."},
    {&RadiusMetrics::allowed_by_policy, Kind::counter, "sallyport_radius_allowed_by_policy_total",
     "Access-Accepts without approval, by on_unavailable = \"allow\" or an exempting policy."},
    {&RadiusMetrics::attributes_left_out, Kind::counter,
     "sallyport_radius_attributes_left_out_total",
     "Access-Accepts without their accept_attributes, for want of room."},
    {&RadiusMetrics::status_server, Kind::counter, "sallyport_radius_status_server_total",
     "Status-Server requests answered."},
    {&RadiusMetrics::audit_lost, Kind::counter, "sallyport_radius_audit_lost_total",
     "Audit records that found the queue full."},
    {&RadiusMetrics::exchanges, Kind::gauge, "sallyport_radius_exchanges",
     "Exchanges in use: forwarded, awaiting a verdict, or kept for duplicates.", true},
    {&RadiusMetrics::awaiting_verdict, Kind::gauge, "sallyport_radius_awaiting_verdict",
     "Exchanges whose user is being asked.", true},
    {&RadiusMetrics::source_ports, Kind::gauge, "sallyport_radius_source_ports",
     "Source ports open towards the downstream.", true},
    {&RadiusMetrics::datagrams_received, Kind::counter, "sallyport_radius_datagrams_received_total",
     "Datagrams received, from clients and from the downstream."},
    {&RadiusMetrics::datagrams_sent, Kind::counter, "sallyport_radius_datagrams_sent_total",
     "Datagrams sent, to clients and to the downstream."},
    {&RadiusMetrics::send_errors, Kind::counter, "sallyport_radius_send_errors_total",
     "Datagrams that the kernel refused to send."},
    {&RadiusMetrics::receive_buffers_empty, Kind::counter,
     "sallyport_radius_receive_buffers_empty_total",
     "Times a shard ran out of receive buffers and armed its receive again."},
    {&RadiusMetrics::completion_overflows, Kind::counter,
     "sallyport_radius_completion_overflows_total", "Times a completion queue overflowed."},
    {&RadiusMetrics::loops, Kind::counter, "sallyport_radius_loops_total",
     "Turns of a shard's loop.", true},
});

/// Answers to clients: one family, labelled by what was sent.
struct AnswerCode {
  verify::Counter RadiusMetrics::* member;
  std::string_view label;
};
inline constexpr std::array kRadiusAnswers = std::to_array<AnswerCode>({
    {&RadiusMetrics::accepts, "accept"},
    {&RadiusMetrics::rejects, "reject"},
    {&RadiusMetrics::challenges, "challenge"},
    {&RadiusMetrics::other_answers, "other"},
});

inline constexpr std::array kRadiusDistributions = std::to_array<Distribution<RadiusMetrics>>({
    {&RadiusMetrics::downstream_latency, "sallyport_radius_downstream_seconds",
     "Time from forwarding a request to the downstream's reply."},
    {&RadiusMetrics::verdict_latency, "sallyport_radius_verdict_seconds",
     "Time from asking for the second factor to its verdict."},
    {&RadiusMetrics::total_latency, "sallyport_radius_total_seconds",
     "Time from the first datagram of a request to its answer."},
});

inline constexpr std::array kVerifyScalars = std::to_array<Scalar<VerifyMetrics>>({
    {&VerifyMetrics::questions, Kind::counter, "sallyport_verify_questions_total",
     "Questions taken from the doors."},
    {&VerifyMetrics::joined, Kind::counter, "sallyport_verify_joined_total",
     "Questions that waited on a verification already begun."},
    {&VerifyMetrics::remembered, Kind::counter, "sallyport_verify_remembered_total",
     "Questions that an earlier approval has answered."},
    {&VerifyMetrics::released, Kind::counter, "sallyport_verify_released_total",
     "Verifications that nobody waited for any more."},
    {&VerifyMetrics::pending, Kind::gauge, "sallyport_verify_pending",
     "Verifications not yet decided."},
    {&VerifyMetrics::pushes, Kind::counter, "sallyport_verify_pushes_total",
     "Pushes that the Notakey API accepted."},
    {&VerifyMetrics::polls, Kind::counter, "sallyport_verify_polls_total",
     "Result requests sent to the Notakey API."},
    {&VerifyMetrics::tokens, Kind::counter, "sallyport_verify_tokens_total",
     "Access tokens fetched."},
    {&VerifyMetrics::transfer_errors, Kind::counter, "sallyport_verify_transfer_errors_total",
     "API transfers that ended without an HTTP answer."},
    {&VerifyMetrics::throttled, Kind::counter, "sallyport_verify_throttled_total",
     "Times a 429 or Retry-After of the API was obeyed."},
    {&VerifyMetrics::undeliverable, Kind::counter, "sallyport_verify_undeliverable_total",
     "Verdicts that found a door's mailbox full at first."},
});

inline constexpr std::array kVerifyDistributions = std::to_array<Distribution<VerifyMetrics>>({
    {&VerifyMetrics::api_latency, "sallyport_verify_api_seconds",
     "Time of one API transfer that the server did not hold."},
    {&VerifyMetrics::verdict_latency, "sallyport_verify_verdict_seconds",
     "Time from a question to its verdict, as verify saw it."},
});

using radius_door::SpoolMetrics;

inline constexpr std::array kSpoolScalars = std::to_array<Scalar<SpoolMetrics>>({
    {&SpoolMetrics::stored, Kind::counter, "sallyport_accounting_stored_total",
     "Accounting records written to the spool's disk and acknowledged."},
    {&SpoolMetrics::known, Kind::counter, "sallyport_accounting_known_total",
     "Accounting records that came again: acknowledged, and not stored twice."},
    {&SpoolMetrics::refused_full, Kind::counter, "sallyport_accounting_refused_full_total",
     "Accounting records not acknowledged because the spool has no room."},
    {&SpoolMetrics::refused, Kind::counter, "sallyport_accounting_refused_total",
     "Accounting records not acknowledged because the disk failed, or they are too long."},
    {&SpoolMetrics::delivered, Kind::counter, "sallyport_accounting_delivered_total",
     "Records of the spool that the accounting server has acknowledged."},
    {&SpoolMetrics::sent, Kind::counter, "sallyport_accounting_sent_total",
     "Records sent to the accounting server under a new Identifier."},
    {&SpoolMetrics::retransmitted, Kind::counter, "sallyport_accounting_retransmitted_total",
     "Records sent to the accounting server again under the same Identifier."},
    {&SpoolMetrics::rounds_ended, Kind::counter, "sallyport_accounting_unanswered_total",
     "Identifiers under which the accounting server never acknowledged a record."},
    {&SpoolMetrics::bad_replies, Kind::counter, "sallyport_accounting_bad_replies_total",
     "Datagrams from the accounting server that are not authentic, or that nothing waits for."},
    {&SpoolMetrics::unreadable, Kind::counter, "sallyport_accounting_unreadable_total",
     "Records that the spool's disk does not give back."},
    {&SpoolMetrics::waiting, Kind::gauge, "sallyport_accounting_waiting",
     "Records in the spool that are not delivered."},
    {&SpoolMetrics::under_way, Kind::gauge, "sallyport_accounting_under_way",
     "Of these, sent to the accounting server and not acknowledged yet."},
    {&SpoolMetrics::oldest_s, Kind::gauge, "sallyport_accounting_oldest_seconds",
     "How long the oldest record has waited in the spool."},
    {&SpoolMetrics::full, Kind::gauge, "sallyport_accounting_full",
     "1: the spool has no room, and new records are not acknowledged."},
    {&SpoolMetrics::silent, Kind::gauge, "sallyport_accounting_server_silent",
     "1: the accounting server does not answer."},
});

using radius_door::CoaMetrics;

inline constexpr std::array kCoaScalars = std::to_array<Scalar<CoaMetrics>>({
    {&CoaMetrics::requests, Kind::counter, "sallyport_coa_requests_total",
     "Authentic CoA-Requests and Disconnect-Requests, duplicates included."},
    {&CoaMetrics::duplicates_answered, Kind::counter, "sallyport_coa_duplicates_answered_total",
     "Of these, sent again and answered with the stored answer."},
    {&CoaMetrics::replaced, Kind::counter, "sallyport_coa_replaced_total",
     "Requests given up because whoever asked reused the Identifier for a new one."},
    {&CoaMetrics::evicted, Kind::counter, "sallyport_coa_evicted_total",
     "Answers forgotten before their time, for want of room."},
    {&CoaMetrics::forwarded, Kind::counter, "sallyport_coa_forwarded_total",
     "Requests sent to a NAS for the first time."},
    {&CoaMetrics::retransmitted, Kind::counter, "sallyport_coa_retransmitted_total",
     "Requests sent to a NAS again."},
    {&CoaMetrics::timeouts, Kind::counter, "sallyport_coa_timeouts_total",
     "Requests that the NAS never answered."},
    {&CoaMetrics::acks, Kind::counter, "sallyport_coa_acks_total",
     "CoA-ACK and Disconnect-ACK of NASes."},
    {&CoaMetrics::naks, Kind::counter, "sallyport_coa_naks_total",
     "CoA-NAK and Disconnect-NAK of NASes."},
    {&CoaMetrics::own_naks, Kind::counter, "sallyport_coa_own_naks_total",
     "CoA-NAK and Disconnect-NAK of our own: no NAS was asked, or it did not answer."},
    {&CoaMetrics::replies_cut, Kind::counter, "sallyport_coa_replies_cut_total",
     "Answers of NASes sent on without their attributes, for want of room."},
    {&CoaMetrics::audit_lost, Kind::counter, "sallyport_coa_audit_lost_total",
     "Audit records that found the queue full."},
    {&CoaMetrics::send_errors, Kind::counter, "sallyport_coa_send_errors_total",
     "Datagrams that the kernel refused to send."},
    {&CoaMetrics::pending, Kind::gauge, "sallyport_coa_pending",
     "Requests that wait for their NAS."},
    {&CoaMetrics::remembered, Kind::gauge, "sallyport_coa_remembered",
     "Answers kept for duplicates."},
});

inline constexpr std::array kCoaDistributions = std::to_array<Distribution<CoaMetrics>>({
    {&CoaMetrics::latency, "sallyport_coa_seconds",
     "Time from the first datagram of a request to its answer."},
});

using http_door::HttpMetrics;

inline constexpr std::array kHttpScalars = std::to_array<Scalar<HttpMetrics>>({
    {&HttpMetrics::connections, Kind::counter, "sallyport_http_connections_total",
     "Visitors' connections accepted."},
    {&HttpMetrics::connections_open, Kind::gauge, "sallyport_http_connections",
     "Visitors' connections open.", true},
    {&HttpMetrics::tls_handshakes, Kind::counter, "sallyport_http_tls_handshakes_total",
     "TLS handshakes with visitors that succeeded."},
    {&HttpMetrics::tls_failures, Kind::counter, "sallyport_http_tls_failures_total",
     "TLS handshakes with visitors that failed."},
    {&HttpMetrics::requests, Kind::counter, "sallyport_http_requests_total",
     "Requests whose head was read."},
    {&HttpMetrics::bad_requests, Kind::counter, "sallyport_http_bad_requests_total",
     "Requests refused because they could be read in two ways, or are too large."},
    {&HttpMetrics::cut_off, Kind::counter, "sallyport_http_access_ended_total",
     "Requests cut off because their grant had ended or the whitelist had changed."},
    {&HttpMetrics::upstream_connects, Kind::counter, "sallyport_http_upstream_connects_total",
     "Connections opened to servers behind."},
    {&HttpMetrics::upstream_reuses, Kind::counter, "sallyport_http_upstream_reuses_total",
     "Requests sent over a kept connection to a server behind."},
    {&HttpMetrics::upstream_failures, Kind::counter, "sallyport_http_upstream_failures_total",
     "Attempts at servers behind that failed, retries included."},
    {&HttpMetrics::retries, Kind::counter, "sallyport_http_retries_total",
     "Requests sent to another server because one had failed."},
    {&HttpMetrics::timeouts, Kind::counter, "sallyport_http_timeouts_total",
     "Visitors who took too long, in any phase."},
    {&HttpMetrics::floods, Kind::counter, "sallyport_http_floods_total",
     "HTTP/2 connections ended for their behaviour."},
    {&HttpMetrics::access_lost, Kind::counter, "sallyport_http_access_lost_total",
     "Lines of the access log that found the queue full."},
});

// Drops, malformed (from client and downstream), verdicts and ends of TLS connections have labels
// of their own. RefusalNotes are for the log.
static_assert(sizeof(RadiusMetrics) - sizeof(radius_door::RefusalNotes) ==
                  sizeof(verify::Counter) *
                          (kRadiusScalars.size() + kRadiusAnswers.size() +
                           2 * radius::kMalformedReasons + radius_door::kDrops + verify::kVerdicts +
                           verify::kCodeVerdicts + radius_door::kRadsecEnds) +
                      sizeof(verify::Histogram) * kRadiusDistributions.size(),
              "a member of RadiusMetrics is not shown on /metrics");
static_assert(sizeof(SpoolMetrics) == sizeof(verify::Counter) * kSpoolScalars.size(),
              "a member of SpoolMetrics is not shown on /metrics");
static_assert(sizeof(CoaMetrics) ==
                  sizeof(verify::Counter) * (kCoaScalars.size() + 2 * radius::kMalformedReasons +
                                             radius_door::kCoaDrops) +
                      sizeof(verify::Histogram) * kCoaDistributions.size(),
              "a member of CoaMetrics is not shown on /metrics");
static_assert(sizeof(HttpMetrics) ==
                  sizeof(verify::Counter) *
                      (kHttpScalars.size() + http_door::kVerdicts + http_door::kAnswerClasses),
              "a member of HttpMetrics is not shown on /metrics");
static_assert(sizeof(VerifyMetrics) ==
                  sizeof(verify::Counter) * (kVerifyScalars.size() + verify::kVerdicts) +
                      sizeof(verify::Histogram) * kVerifyDistributions.size(),
              "a member of VerifyMetrics is not shown on /metrics");

}  // namespace sallyport::admin
