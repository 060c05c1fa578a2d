std = "lua54"
max_line_length = 100
files["spec"] = { std = "lua54+busted", max_line_length = 120 }
files["bench"] = { max_line_length = 120 }
files["examples/embed"] = { globals = { "world" }, read_globals = { "energy" } }
