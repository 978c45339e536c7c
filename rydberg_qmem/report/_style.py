"""How the page of a record looks: black on white, one column, tables that scroll instead of overflowing."""

STYLE = """
body{margin:0;background:#fff;color:#1a1a1a;font:16px/1.5 system-ui,sans-serif}
main{max-width:60rem;margin:auto;padding:1.5rem}
h1{font-size:1.7rem;margin:.2em 0}h2{font-size:1.2rem;border-bottom:1px solid #ccc;margin-top:2em}
img{max-width:100%;height:auto}.row{display:flex;flex-wrap:wrap;gap:1rem}.row img{width:27rem;max-width:100%}
section>img{width:34rem}.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:.9rem}td,th{padding:.25rem .9rem .25rem 0;text-align:left;vertical-align:top}
tr{border-bottom:1px solid #eee}td{overflow-wrap:anywhere}td:first-child{overflow-wrap:normal;white-space:nowrap}
pre{background:#f4f4f4;padding:.8rem;overflow-x:auto;white-space:pre-wrap}
.tag{background:#e8f0f8;color:#004a80;border-radius:.3rem;padding:.1rem .5rem;margin-right:.4rem;font-size:.85rem}
""".strip()
