-- Crawls in the middle of their lives, as they were written when a recrawl was copied by parts: one has ended, one runs
-- with a URL in flight and one queued, one waits for its first crawler, one was cancelled.

INSERT INTO crawls (id, ticket, state, epoch, fence, seq, reopened, guid, seeded, ended, outcome, reason,
    error, max_pages, max_depth, page_seq, first_claim, discovered, queued, inflight,
    fetched, redirected, failed, skipped, refetched, bytes, not_modified, blocked, session,
    cuts, max_host, max_pattern, base, copying, copied) VALUES
(1, 'ended', 'closed', 1, 1, 3, 0, '00000000-0000-0000-0000-000000000001', 1, 1, 'done', '', '', 1000, 100, 3, 1767323045000000, 3, 0, 0, 2, 0, 1, 0, 0, 20, 0, 0, '', '', 0, 0, 0, 0, X''),
(2, 'running', 'running', 2, 1, 3, 0, '00000000-0000-0000-0000-000000000002', 1, 0, '', '', '', 1000, 100, 4, 1767323046000000, 6, 1, 1, 2, 1, 0, 1, 0, 20, 0, 0, '', '{"depth":2}', 50, 9, 0, 0, X''),
(3, 'waiting', 'running', 3, 1, 0, 0, '', 0, 0, '', '', '', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '', '', 0, 0, 0, 0, X''),
(4, 'cancelled', 'closed', 1, 2, 2, 0, '00000000-0000-0000-0000-000000000001', 1, 0, 'cancelled', 'asked', '', 1000, 100, 1, 1767323046000000, 2, 0, 1, 1, 0, 0, 0, 0, 10, 0, 0, '', '', 0, 0, 0, 0, X'');

INSERT INTO hosts (id, crawl, host, queued, inflight, pace, note, found) VALUES
(1, 1, 'a.test', 0, 0, 0, '', 3),
(2, 2, 'b.test', 1, 1, 500000, 'Crawl-delay', 6),
(3, 4, 'c.test', 0, 1, 0, '', 2);

INSERT INTO patterns (crawl, key, found) VALUES (2, X'0102030405060708090a0b0c0d0e0f10', 3);

INSERT INTO clocks (name, crawl, fence, until, pace, hold, slow) VALUES ('b.test', 2, 1, 1767323046000000, 500000, 0, 1000000);

INSERT INTO sessions (name, state, at) VALUES ('ann', '{}', 1767323046000000);

INSERT INTO frontier (id, crawl, key, url, depth, parent, hops, attempts, state, reason, not_before, batch, host) VALUES
(1, 1, X'b28e3efd6948b8cf6ad9c713cc1225ad', 'http://a.test/', 0, NULL, 0, 0, 'fetched', '', 0, 1, 1),
(2, 1, X'e0e8f66dd56e0730f2b7cee3e19f48b7', 'http://a.test/1', 1, 1, 0, 0, 'fetched', '', 0, 2, 1),
(3, 1, X'8b4241fcdf3c739e60e38c668fbb21ca', 'http://a.test/2', 1, 1, 0, 0, 'failed', 'status 500', 0, 2, 1),
(4, 2, X'1cacb50b17d80973bfdeb6b855dd64a7', 'http://b.test/', 0, NULL, 0, 0, 'fetched', '', 0, 1, 2),
(5, 2, X'1909d10d128bc01c66fcfb32376f400b', 'http://b.test/1', 1, 4, 0, 0, 'redirected', '', 0, 2, 2),
(6, 2, X'5408742666e365a1883bf96bfc38c121', 'http://b.test/2', 1, 4, 0, 0, 'fetched', '', 0, 2, 2),
(7, 2, X'ff9668de1c094658bec8171a99d43078', 'http://b.test/3', 1, 4, 0, 0, 'skipped', 'robots', 0, 2, 2),
(8, 2, X'caaa7594f8686cbdb3b7e80914513436', 'http://b.test/4', 1, 4, 0, 0, 'inflight', '', 0, 3, 2),
(9, 2, X'7898a3ff5e070a2112b841cef34503a1', 'http://b.test/r', 1, 5, 1, 0, 'queued', '', 0, 0, 2),
(10, 4, X'd53f32787435d3be031be59ad301ede9', 'http://c.test/', 0, NULL, 0, 0, 'fetched', '', 0, 1, 3),
(11, 4, X'dc2ed30de195a35e6b00f7baffa53109', 'http://c.test/1', 1, 10, 0, 0, 'inflight', '', 0, 2, 3);

INSERT INTO pages (frontier, crawl, seq, outcome, reason, status, content_type, title, fields, bytes,
    sha256, truncated, address, fetched_at, took, target, guid,
    notes, etag, last_modified, before) VALUES
(1, 1, 1, 'fetched', '', 200, '', '', '', 10, '', 0, '', 0, 0, '', '00000000-0000-0000-0000-000000000001', '', '', '', ''),
(2, 1, 2, 'fetched', '', 200, '', '', '', 10, '', 0, '', 0, 0, '', '00000000-0000-0000-0000-000000000001', '', '', '', ''),
(3, 1, 3, 'failed', 'status 500', 0, '', '', '', 0, '', 0, '', 0, 0, '', '00000000-0000-0000-0000-000000000001', '', '', '', ''),
(4, 2, 1, 'fetched', '', 200, '', 'Süß & ''sour''', '{"price":"1?"}', 10, '', 0, '', 0, 0, '', '00000000-0000-0000-0000-000000000002', '{"charset":"shift_jis"}', '"e1"', 'Sat, 21 Nov 2026 06:00:00 GMT', 'abc'),
(5, 2, 2, 'redirected', '', 301, '', '', '', 0, '', 0, '', 0, 0, 'http://b.test/r', '00000000-0000-0000-0000-000000000002', '', '', '', ''),
(6, 2, 3, 'fetched', '', 200, '', '', '', 10, '', 0, '', 0, 0, '', '00000000-0000-0000-0000-000000000002', '', '', '', ''),
(7, 2, 4, 'skipped', 'robots', 0, '', '', '', 0, '', 0, '', 0, 0, '', '00000000-0000-0000-0000-000000000002', '', '', '', ''),
(10, 4, 1, 'fetched', '', 200, '', '', '', 10, '', 0, '', 0, 0, '', '00000000-0000-0000-0000-000000000001', '', '', '', '');
