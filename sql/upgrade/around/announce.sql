-- Every session compares its library with the catalog again: to alter this table, which stands for all settings, tells them to.
alter table engine.setting_change reset (fillfactor);
