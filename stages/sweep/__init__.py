"""The sweep engine: many small nets trained together.

Members, tasks and a plan go in; events with metrics, states and results come out. Pure: no input
or output, no clock, no global seed.
"""

from stages.sweep._draws import batch_order as batch_order
from stages.sweep._draws import generator as generator
from stages.sweep._logits import logits as logits
from stages.sweep._plan import Chunk as Chunk
from stages.sweep._plan import Kind as Kind
from stages.sweep._plan import Plan as Plan
from stages.sweep._plan import plan as plan
from stages.sweep._recurrent import Last as Last
from stages.sweep._spec import Event as Event
from stages.sweep._spec import Keep as Keep
from stages.sweep._spec import Member as Member
from stages.sweep._spec import Optimizer as Optimizer
from stages.sweep._spec import Result as Result
from stages.sweep._spec import State as State
from stages.sweep._spec import Streams as Streams
from stages.sweep._spec import SweepError as SweepError
from stages.sweep._spec import Task as Task
from stages.sweep._sweep import run as run
from stages.sweep._workers import WorkerError as WorkerError
