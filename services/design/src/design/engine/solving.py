"""How CP-SAT is run here: exact, single-threaded and seeded, so that equal models give equal answers."""

from ortools.sat.python import cp_model

_DETERMINISTIC_LIMIT = 20.0
"""In CP-SAT's own deterministic seconds: a limit by the clock would make the answer depend on the load."""


class Unanswered(Exception):
    """The solver found neither an answer nor a proof that there is none within its limit."""


def run(model: cp_model.CpModel) -> tuple[cp_model.CpSolver, bool] | None:
    """The solver with its best answer and whether it is proved optimal; None where there is no answer.

    Raises Unanswered when the limit is reached first.
    """
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = _DETERMINISTIC_LIMIT
    status = solver.solve(model)
    if status == cp_model.INFEASIBLE:
        return None
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        raise Unanswered(f"the solver stopped with {solver.status_name(status)}")
    return solver, status == cp_model.OPTIMAL
