
import tests.unit.oracle_samples as o
def pytest_sessionfinish(session):
    import re
    from tests.unit.test_oracle_leaves import NOT_OFFERED
    for c in ("o01","o02","o03","o04","o05","o07","o08","o12"):
        miss=[x for x in o.results(o.raw_results(c),c) if x not in o.READ and not re.fullmatch(f"{c}/(meta/.*|{NOT_OFFERED.get(c,'zzzz')})",x)]
        print("\n",c,len(miss),miss[:40])
