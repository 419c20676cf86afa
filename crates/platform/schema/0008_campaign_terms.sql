-- More of a campaign: its months, the edition of the areas it was checked
-- against, the daily duty, the calendar of reports, whose campaign it is and
-- its goals (JSON, `store::campaign::Terms`). An area may owe another number of
-- tests than the others.
ALTER TABLE campaigns ADD COLUMN terms TEXT NOT NULL DEFAULT '{}';
ALTER TABLE campaign_areas ADD COLUMN quota_tests INTEGER CHECK (quota_tests > 0);
